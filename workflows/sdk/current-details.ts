import type { RunScope, StepProgress } from './run-scope.js';

const marks: Record<StepProgress, string> = {
  queued: '⏳',
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

/** The run as Markdown for Temporal's UI: open and failed steps first, at most 50 lines. */
export function currentDetails(): string {
  if (shown === undefined) return '';
  const { pipeline, host, progress, rejected } = shown;
  const lines = [`**${pipeline.name}**${pipeline.description === undefined ? '' : `: ${pipeline.description}`}`];
  if (rejected !== undefined) lines.push(`- ⛔ gate "${rejected.gate}" was not passed`);
  for (const [id, open] of host.approvals) if (open.state === 'waiting') lines.push(`- ✋ waits for "${id}"`);
  const steps = [...progress].sort(([, a], [, b]) => rank(a) - rank(b));
  const room = maxLines - lines.length - 1;
  for (const [id, state] of steps.slice(0, room)) lines.push(`- ${marks[state]} ${id} (${state})`);
  if (steps.length > room) lines.push(`- and ${steps.length - room} more steps`);
  return lines.join('\n');
}

function rank(state: StepProgress): number {
  return state === 'queued' ? 0 : state === 'failed' ? 1 : 2;
}
