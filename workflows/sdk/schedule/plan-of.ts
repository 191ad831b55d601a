import type { Planned } from './messages.js';
import { intervalOf } from './timing.js';

/** A plan with its interval in place of what it follows from. */
export function planOf({ schedule, timing, interval }: Planned = {}, date: string): Planned {
  const found = timing === undefined ? undefined : intervalOf(timing, Date.parse(date));
  const given =
    interval ?? (found && { start: new Date(found.start).toISOString(), end: new Date(found.end).toISOString() });
  return {
    ...(schedule === undefined ? {} : { schedule }),
    date,
    ...(given === undefined ? {} : { interval: given }),
  };
}
