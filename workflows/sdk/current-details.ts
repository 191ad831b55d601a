import { thousands } from './thousands.js';
import type { ApprovalBook, RunScope, StepProgress } from './run-scope.js';

const marks: Record<StepProgress, string> = {
  queued: '⏳',
  waiting: '⏱️',
  completed: '✅',
  cached: '♻️',
  reused: '♻️',
  failed: '❌',
};

let shown: RunScope | undefined;

export function showDetailsOf(scope: RunScope): void {
  shown = scope;
}

const maxLines = 50;
const maxApprovals = 10;
const maxFanOuts = 10;

/** The run as a Markdown tree for Temporal's UI, at most 50 lines: open and failed steps come before finished ones. */
export function currentDetails(): string {
  if (shown === undefined) return '';
  const { pipeline, host, progress, rejected, standing } = shown;
  const about = pipeline.description?.replaceAll(/\s+/g, ' ').slice(0, 200);
  const lines = [`**${pipeline.name}**${about === undefined ? '' : `: ${about}`}`];
  if (rejected !== undefined) lines.push(`- ⛔ gate "${rejected.gate}" was not passed`);
  if (standing !== undefined) lines.push(`- ${standing()}`);
  lines.push(...approvalLines(host.approvals));
  lines.push(...fanOutLines(shown).slice(0, maxFanOuts));
  lines.push(...stepLines([...progress].map(toEntry), maxLines - lines.length));
  return lines.join('\n');
}

function fanOutLines({ fanOuts }: RunScope): string[] {
  return [...fanOuts].map(([id, { items, chunks }]) => {
    const reports = [...chunks.values()];
    const ended = reports.reduce((sum, report) => sum + report.ended, 0);
    const failed = reports.reduce((sum, report) => sum + report.failed, 0);
    return `- ${id}: ${thousands(ended)} of ${thousands(items)}${failed === 0 ? '' : `, ${thousands(failed)} failed`}`;
  });
}

function approvalLines(approvals: ApprovalBook): string[] {
  const waiting = [...approvals].filter(([, { state }]) => state === 'waiting').map(([id]) => id);
  const lines = waiting.slice(0, maxApprovals).map((id) => `- ✋ waits for "${id}"`);
  return waiting.length > maxApprovals ? [...lines, `- ✋ and ${waiting.length - maxApprovals} more approvals`] : lines;
}

interface Entry {
  readonly id: string;
  readonly state: StepProgress;
  /** The outermost group or fan-out around the step; empty for none. */
  readonly group: string;
}

function toEntry([id, state]: [string, StepProgress]): Entry {
  return { id, state, group: id.includes('/') ? id.replace(/(\[\d+\])?\/.*$/, '') : '' };
}

function stepLines(entries: readonly Entry[], room: number): string[] {
  const groups = new Set(entries.map(({ group }) => group).filter((group) => group !== ''));
  // One line is kept for what is left out. More groups than fit are left out as the steps in them are.
  const heads = groups.size > room / 2 ? 0 : groups.size;
  const urgent = entries.toSorted((a, b) => rank(a.state) - rank(b.state));
  const chosen = new Set(urgent.slice(0, room - heads - 1));
  const lines: string[] = [];
  for (const group of heads === 0 ? [] : groups) {
    const inside = entries.filter((entry) => entry.group === group);
    lines.push(`- ${group}: ${counts(inside)}`);
    for (const entry of inside) if (chosen.has(entry)) lines.push(`  ${line(entry)}`);
  }
  for (const entry of entries) if (chosen.has(entry) && (heads === 0 || entry.group === '')) lines.push(line(entry));
  if (chosen.size < entries.length) lines.push(`- and ${entries.length - chosen.size} more steps`);
  return lines;
}

function line({ id, state }: Entry): string {
  return `- ${marks[state]} ${id} (${state})`;
}

function counts(entries: readonly Entry[]): string {
  const found = new Map<StepProgress, number>();
  for (const { state } of entries) found.set(state, (found.get(state) ?? 0) + 1);
  return [...found].map(([state, count]) => `${count} ${state}`).join(', ');
}

function rank(state: StepProgress): number {
  return state === 'queued' || state === 'waiting' ? 0 : state === 'failed' ? 1 : 2;
}
