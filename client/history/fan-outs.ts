import {
  chunkOf,
  type FanOutRecord,
  fanOutWorkflowType,
  type ItemsReport,
} from '../../workflows/sdk/fan-out-messages.js';
import type { RunOptions } from '../../workflows/sdk/run-options.js';
import { decodeObject } from './decode.js';
import { childId } from './fold-child.js';
import type { Facts, FanOutFacts } from './facts.js';
import type { FanOutView } from './run-view.js';

export function foldFanOut(fanOuts: Map<string, FanOutFacts>, record: FanOutRecord | undefined, at: number): void {
  if (typeof record?.fanOut !== 'string' || typeof record.items !== 'number') return;
  fanOuts.set(record.fanOut, { items: record.items, at, reports: new Map() });
}

export function foldItems(fanOuts: Map<string, FanOutFacts>, report: ItemsReport | undefined): void {
  if (typeof report?.fanOut !== 'string' || typeof report.ended !== 'number') return;
  fanOuts.get(report.fanOut)?.reports.set(report.from, report);
}

/** How far a run's large fan-outs are: by what their chunks answered, and by their last reports while they are open. */
export function fanOutViews(facts: Facts, { rerun }: RunOptions): FanOutView[] {
  const views = new Map<string, Growing>();
  for (const [id, { items, at }] of facts.fanOuts) {
    views.set(id, { id, items, ended: 0, failed: 0, startedAt: at, runs: [] });
  }
  for (const { workflowId, pipeline, end } of facts.children.values()) {
    const chunk = chunkOf(childId(workflowId, facts.started?.workflowId ?? ''));
    const view = views.get(chunk?.fanOut ?? '');
    if (pipeline !== fanOutWorkflowType || chunk === undefined || view === undefined) continue;
    if (end === undefined) view.runs.push(workflowId);
    if (end?.kind === 'completed') add(view, { ...chunk, ...answerOf(decodeObject(end.result ?? undefined)) });
    else add(view, facts.fanOuts.get(view.id)?.reports.get(chunk.from));
  }
  for (const { id, end } of facts.steps.values()) {
    const chunk = end?.kind === 'reused' ? chunkOf(id) : undefined;
    const view = views.get(chunk?.fanOut ?? '');
    if (chunk !== undefined && view !== undefined) add(view, { ...chunk, ...answerOf(rerun?.recorded[id]?.output) });
  }
  return [...views.values()];
}

type Growing = { -readonly [Field in keyof FanOutView]: FanOutView[Field] } & { readonly runs: string[] };

function add(view: Growing, report: { readonly ended: number; readonly failed: number } | undefined): void {
  view.ended += report?.ended ?? 0;
  view.failed += report?.failed ?? 0;
}

function answerOf(result: unknown): { failed: number } {
  const { output } = (result ?? {}) as { output?: { failed?: unknown } };
  return { failed: typeof output?.failed === 'number' ? output.failed : 0 };
}
