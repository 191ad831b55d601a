import { type CalendarValues, calendarValues, type WrittenCalendar } from './calendar.js';
import { clockAt, instantsOf } from './time-zone.js';

/**
 * When a schedule fires, as data. The engine goes by the same, so that a run can tell by itself what its fire time was
 * and which one came before it: a time of a calendar that clocks skip does not come, one that they show twice comes twice.
 */
export interface Timing {
  readonly calendars?: readonly WrittenCalendar[];
  /** Whole seconds, counted from 1970 in UTC. */
  readonly intervals?: readonly { readonly everyMs: number; readonly offsetMs: number }[];
  /** Once, ISO 8601; without an interval of data. */
  readonly once?: string;
  /** No fire times are there. */
  readonly except?: readonly WrittenCalendar[];
  readonly timeZone: string;
  /** ISO 8601; both included. */
  readonly start?: string;
  readonly end?: string;
}

const dayMs = 86_400_000;
/** Leap days may be eight years apart. */
const longestMs = 9 * 366 * dayMs;

/** Fire times of `from <= time < to` in order, in milliseconds since 1970. `start` and `end` count. */
export function firesWithin(timing: Timing, from: number, to: number): number[] {
  const { start, end, once } = timing;
  const first = Math.max(from, start === undefined ? from : Date.parse(start));
  const last = Math.min(to, end === undefined ? to : Date.parse(end) + 1);
  if (once !== undefined) return [Date.parse(once)].filter((time) => time >= first && time < last);
  return matches(timing, first, last);
}

/** The last fire time before an instant, whatever `start` and `end` say. */
function lastFireBefore(timing: Timing, before: number): number | undefined {
  // Of a dense timing a little is enough.
  for (let to = before, length = dayMs / 24; to > before - longestMs; length = Math.min(length * 4, 64 * dayMs)) {
    const found = matches(timing, to - length, to).at(-1);
    if (found !== undefined) return found;
    to -= length;
  }
  return undefined;
}

/**
 * The data of a logical date: since the fire time before the last one, until that one. A date that is no fire time, of a
 * run started in between, has the last whole interval.
 */
export function intervalOf(timing: Timing, date: number): { start: number; end: number } | undefined {
  const end = lastFireBefore(timing, date + 1);
  const start = end === undefined ? undefined : lastFireBefore(timing, end);
  return end === undefined || start === undefined ? undefined : { start, end };
}

function matches({ calendars = [], intervals = [], except = [], timeZone }: Timing, from: number, to: number) {
  const found = new Set<number>();
  for (const { everyMs, offsetMs } of intervals) {
    const first = Math.ceil((from - offsetMs) / everyMs) * everyMs + offsetMs;
    for (let time = first; time < to; time += everyMs) found.add(time);
  }
  for (const calendar of calendars) {
    const values = calendarValues('schedule', calendar);
    // Clocks differ from UTC by less than a day.
    for (let day = floorDay(from - dayMs); day <= to + dayMs; day += dayMs) {
      if (!hasDay(values, day)) continue;
      for (const time of clocksOf(values, day).flatMap((clock) => instantsOf(timeZone, clock))) {
        if (time >= from && time < to) found.add(time);
      }
    }
  }
  const excluded = except.map((calendar) => calendarValues('schedule', calendar));
  const isExcluded = (time: number) => excluded.some((values) => hasClock(values, clockAt(timeZone, time)));
  return [...found].filter((time) => !isExcluded(time)).sort((a, b) => a - b);
}

function floorDay(time: number): number {
  return Math.floor(time / dayMs) * dayMs;
}

function hasDay(values: CalendarValues, clock: number): boolean {
  const date = new Date(clock);
  return (
    values.dayOfWeek.includes(date.getUTCDay()) &&
    values.dayOfMonth.includes(date.getUTCDate()) &&
    values.month.includes(date.getUTCMonth() + 1) &&
    values.year.includes(date.getUTCFullYear())
  );
}

function hasClock(values: CalendarValues, clock: number): boolean {
  const date = new Date(clock);
  return (
    hasDay(values, clock) &&
    values.hour.includes(date.getUTCHours()) &&
    values.minute.includes(date.getUTCMinutes()) &&
    values.second.includes(date.getUTCSeconds())
  );
}

function clocksOf({ hour, minute, second }: CalendarValues, day: number): number[] {
  return hour.flatMap((h) => minute.flatMap((m) => second.map((s) => day + h * 3_600_000 + m * 60_000 + s * 1_000)));
}
