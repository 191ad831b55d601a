import type { ScheduleChange } from '../schedules/plan-schedules.js';
import type { ScheduleView } from '../schedules/schedules.js';
import { isoText } from './value-text.js';

const marks: Readonly<Record<ScheduleChange['kind'], string>> = {
  created: '+',
  changed: '~',
  deleted: '-',
  unchanged: '=',
  left: '?',
};

/** What `schedules apply` does, a line each and one for each difference. */
export function changeLines(changes: readonly ScheduleChange[]): string[] {
  return changes.flatMap(({ kind, name, differences = [] }) => [
    `${marks[kind]} ${name}  ${kind === 'left' ? 'not declared here, and left: --prune deletes it' : kind}`,
    ...differences.map((difference) => `    ${difference}`),
  ]);
}

export function scheduleLine({ name, rules, paused, next, missed, skipped }: ScheduleView): string {
  const when = paused !== undefined ? 'paused' : next[0] === undefined ? 'no more' : `next ${isoText(next[0])}`;
  const lost = [missed > 0 ? `${missed} missed` : '', skipped > 0 ? `${skipped} skipped` : ''].filter(Boolean);
  return [name, rules?.pipeline ?? 'made by other means', when, ...lost].join('  ');
}

export function scheduleLines(view: ScheduleView): string[] {
  const { rules, paused, next, recent, running, runs, missed, skipped } = view;
  const lines = [scheduleLine(view)];
  if (rules?.description !== undefined) lines.push(`  ${rules.description}`);
  if (paused !== undefined) lines.push(`  paused: ${paused.reason}`);
  if (rules !== undefined) lines.push(`  overlap ${rules.overlap}, catches up ${rules.catchUpMs / 1_000} s`);
  lines.push(`  ${runs} runs, ${missed} missed, ${skipped} skipped`);
  for (const time of next.slice(0, 3)) lines.push(`  next ${isoText(time)}`);
  for (const { workflowId, startedAt } of recent) {
    lines.push(`  ${running.includes(workflowId) ? 'runs' : 'ran'} ${workflowId}, begun ${isoText(startedAt)}`);
  }
  if (missed + skipped > 0 && rules !== undefined) lines.push('  Missed and skipped times are made up by a backfill.');
  return lines;
}
