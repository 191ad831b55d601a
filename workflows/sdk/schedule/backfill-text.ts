import type { BackfillState } from './backfill-messages.js';

/** How far a backfill is, in one line. */
export function backfillText({ dates, completed, rejected, failed, skipped, open, isPaused }: BackfillState): string {
  const counts = Object.entries({ completed, rejected, failed, skipped, open }).filter(([, count]) => count > 0);
  const text = counts.map(([name, count]) => `${count} ${name}`).join(', ') || 'none begun';
  return `${dates} dates: ${text}${isPaused === true ? '; paused' : ''}`;
}
