import { jsonDigest } from '../../workflows/sdk/digest.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { chunkOf } from '../../workflows/sdk/fan-out-messages.js';
import { nearestName } from '../../workflows/sdk/options.js';
import type { Recorded, Rerun } from '../../workflows/sdk/rerun.js';
import { decodePayload, eventsOf, type HistoryInput } from './decode.js';
import { childId } from './fold-child.js';
import { type Facts, noFacts } from './facts.js';
import { fold } from './fold.js';
import { runOptionsOf, viewOf } from './project-run.js';
import type { RunView } from './run-view.js';

export interface RerunRequest {
  readonly history: HistoryInput;
  readonly runId?: string | undefined;
  /** Id of a step, child run or large fan-out, or a step's name: then all steps of that name. */
  readonly from: string;
  readonly keepApprovals?: boolean | undefined;
}

/** What a new run is given to repeat an old one from a step on, and the old run's own start. */
export interface RerunPlan {
  readonly pipeline: string;
  readonly input: unknown;
  readonly seed: number;
  readonly rerun: Rerun;
  /** The old run's, where it was planned. */
  readonly dates: { readonly logicalDate?: Date; readonly dataInterval?: { readonly start: Date; readonly end: Date } };
  /** Ids of the steps and child runs that are made again, as far as the old run had them. */
  readonly again: readonly string[];
}

/** The engine refuses a payload above 2 MB. */
const maxRecordedBytes = 1_800_000;

/**
 * Hands over what does not depend on the step: everything that ended well and is not downstream of it by data or cause.
 * Cause edges name more than was so, never less, hence a step too many may run again but none too few.
 */
export function planRerun({ history, runId, from, keepApprovals }: RerunRequest): RerunPlan {
  const facts = noFacts();
  fold(facts, eventsOf(history));
  const view = viewOf(facts, { runId });
  if (view.closedAt === undefined) throw stillOpen(view);
  const ended = endedWell(facts, view.workflowId);
  const stale = downstream(view, rootsOf(view, from));
  const recorded: Recorded = Object.fromEntries([...ended].filter(([id]) => !stale.has(id)));
  checkSize(recorded);
  const answers = view.approvals.filter(({ state }) => state === 'answered' || state === 'kept');
  const approvals = Object.fromEntries(answers.map(({ id, answer }) => [id, answer]));
  return {
    pipeline: view.pipeline,
    input: view.input,
    seed: view.seed,
    rerun: {
      of: { workflowId: view.workflowId, runId: view.runId },
      from,
      recorded,
      ...(keepApprovals === true ? { approvals } : {}),
    },
    dates: datesOf(view),
    again: [...view.steps.map(({ id }) => id), ...childIds(view)].filter((id) => recorded[id] === undefined),
  };
}

function datesOf({ planned }: RunView): RerunPlan['dates'] {
  if (planned === undefined) return {};
  const { logicalDate, interval } = planned;
  return {
    logicalDate: new Date(logicalDate),
    ...(interval === undefined
      ? {}
      : { dataInterval: { start: new Date(interval.start), end: new Date(interval.end) } }),
  };
}

/** Calls that have an answer, by id. */
function endedWell(facts: Facts, workflowId: string): Map<string, Recorded[string]> {
  const found = new Map<string, Recorded[string]>();
  const earlier = runOptionsOf(facts).rerun;
  const add = (id: string, input: unknown, output: unknown) =>
    found.set(id, { inputDigest: jsonDigest(input), output });
  for (const { id, input, end } of facts.steps.values()) {
    if (end?.kind === 'completed') add(id, decodePayload(input), decodePayload(end.output));
    else if (end?.kind === 'cached') add(id, end.lookup.input, end.lookup.output);
    const handedOver = end?.kind === 'reused' ? earlier?.recorded[id] : undefined;
    if (handedOver !== undefined && earlier !== undefined) found.set(id, { from: earlier.of, ...handedOver });
  }
  for (const { workflowId: child, runId, input, isDetached, end } of facts.children.values()) {
    const started = { workflowId: child, runId, isNew: true };
    if (isDetached && runId !== undefined) add(childId(child, workflowId), decodePayload(input), started);
    else if (end?.kind === 'completed')
      add(childId(child, workflowId), decodePayload(input), decodePayload(end.result));
  }
  return found;
}

function childIds(view: RunView): string[] {
  return view.children.map(({ workflowId }) => childId(workflowId, view.workflowId));
}

/** Nodes of the graph: a child run's is `child:<workflow id>`. */
function rootsOf(view: RunView, from: string): string[] {
  const children = view.children.filter(({ workflowId }) => isMeant(childId(workflowId, view.workflowId), from));
  if (children.length > 0) return children.map(({ workflowId }) => `child:${workflowId}`);
  const byId = view.steps.filter(({ id }) => id === from);
  const steps = byId.length > 0 ? byId : view.steps.filter(({ name }) => name === from);
  if (steps.length > 0) return steps.map(({ id }) => id);
  const known = [...new Set([...view.steps.map(({ id }) => id), ...childIds(view)])];
  const nearest = nearestName(from, known);
  throw new EvertrainError('USER_STEP_UNKNOWN', `Run "${view.workflowId}" has no step "${from}".`, {
    value: from,
    remedy:
      nearest === undefined ? `It has: ${known.slice(0, 20).join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}

/** A chunk of a fan-out is made again as a whole, by its own id, by that of the fan-out, or of one of its items' steps. */
function isMeant(id: string, from: string): boolean {
  if (id === from) return true;
  const chunk = chunkOf(id);
  if (chunk === undefined) return false;
  if (chunk.fanOut === from) return true;
  const item = from.startsWith(`${chunk.fanOut}[`) ? Number.parseInt(from.slice(chunk.fanOut.length + 1), 10) : -1;
  return from.includes(']/') && item >= chunk.from && item < chunk.from + chunk.ended;
}

/** The ids (as `Recorded` has them) of all that the roots lead to, themselves included. */
function downstream(view: RunView, roots: readonly string[]): Set<string> {
  const next = new Map<string, string[]>();
  for (const { from, to } of view.edges) next.set(from, [...(next.get(from) ?? []), to]);
  const seen = new Set(roots);
  for (const node of seen) for (const to of next.get(node) ?? []) seen.add(to);
  return new Set([...seen].map((node) => (node.startsWith('child:') ? childId(node.slice(6), view.workflowId) : node)));
}

function stillOpen({ workflowId }: RunView): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `Run "${workflowId}" has not ended yet.`, {
    value: workflowId,
    remedy: 'Wait for its end, or cancel it first: two runs would do the same steps side by side.',
  });
}

function checkSize(recorded: Recorded): void {
  const bytes = new TextEncoder().encode(JSON.stringify(recorded)).length;
  if (bytes <= maxRecordedBytes) return;
  throw new EvertrainError(
    'USER_PAYLOAD_TOO_LARGE',
    `The recorded outputs are ${(bytes / 1e6).toFixed(1)} MB of JSON.`,
    {
      value: bytes,
      remedy: 'Repeat the run from an earlier step, or start a new run: its step cache has what can be reused.',
    },
  );
}
