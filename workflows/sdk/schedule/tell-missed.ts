import { notice } from '../notice.js';
import type { MissedTimes } from './messages.js';

/** What a worker starts when it finds that a schedule has missed fire times. */
export function tellMissed({ schedule, pipeline, missed }: MissedTimes): Promise<void> {
  const times = missed === 1 ? 'one fire time' : `${missed} fire times`;
  return notice({
    kind: 'schedule-missed',
    pipeline,
    message: `Schedule "${schedule}" has missed ${times} in all; \`evertrain backfill ${schedule}\` makes up for them.`,
    facts: { schedule, missed },
  });
}
