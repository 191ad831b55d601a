import { EvertrainError, show } from '../errors.js';
import { shownAt } from './time-zone.js';

const dayMs = 86_400_000;
const written = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?)?$/;

/**
 * The instant that `2026-01-31`, `2026-01-31T06:30` (clocks of the zone) or `2026-01-31T06:30Z` means, in milliseconds since
 * 1970; a day alone means its first second, or its last where a range ends with it. USER_OPTION_INVALID else.
 */
export function momentOf(owner: string, text: unknown, zone: string, edge: 'first' | 'last'): number {
  const [, day, time, offset] = (typeof text === 'string' ? written.exec(text) : null) ?? [];
  const clock = Date.parse(`${day}T${time ?? '00:00'}${offset ?? 'Z'}`);
  const exists = new Date(`${day}T00:00Z`).getTime();
  if (Number.isNaN(clock) || Number.isNaN(exists) || new Date(exists).toISOString().slice(0, 10) !== day) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner} is ${show(text)}, which is no date.`, {
      value: text,
      remedy: "Write '2026-01-31', '2026-01-31T06:30' for clocks of the time zone, or '2026-01-31T06:30Z'.",
    });
  }
  if (offset !== undefined) return clock;
  return time === undefined && edge === 'last' ? shownAt(zone, clock + dayMs) - 1_000 : shownAt(zone, clock);
}
