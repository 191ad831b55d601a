import { type CalendarValues, calendarValues, type WrittenCalendar } from './calendar.js';
import { clockAt, offsetAt, shownAt } from './time-zone.js';

/**
 * When a schedule fires, as data. The engine goes by the same, so that a run can tell by itself which fire time came
 * before its own.
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

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
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
    const first = walkFrom(timeZone, from);
    for (let time = nextTime(values, timeZone, first, to); time < to; time = nextTime(values, timeZone, time, to)) {
      if (time >= from) found.add(time);
    }
  }
  const excluded = except.map((calendar) => calendarValues('schedule', calendar));
  const isExcluded = (time: number) => excluded.some((values) => hasClock(values, clockAt(timeZone, time)));
  return [...found].filter((time) => !isExcluded(time)).sort((a, b) => a - b);
}

/** From where times from an instant on are found: where clocks are put near it, they depend on what comes before. */
function walkFrom(zone: string, from: number): number {
  const isNear = offsetAt(zone, from - dayMs) !== offsetAt(zone, from + dayMs);
  return isNear ? from - dayMs : from - 1;
}

/**
 * The first time of a calendar after an instant, or something from `to` on: as the engine finds it, which walks from hour to
 * hour of the clock. It passes over hours that clocks skip; of an hour that they show twice, it takes what its walk comes by.
 */
function nextTime(values: CalendarValues, zone: string, after: number, to: number): number {
  const start = Math.floor(after / 1_000) * 1_000;
  let clock = clockAt(zone, start) + 1_000;
  // In the second of two hours that clocks show alike, or in the first but for the walk.
  let late = hourOf(clockAt(zone, start - hourMs)) === hourOf(clockAt(zone, start)) ? hourMs : 0;
  // Clocks differ from UTC by less than a day.
  while (clock < to + dayMs) {
    const hour = Math.floor(clock / hourMs) * hourMs;
    if (!hasDay(values, clock) || !values.hour.includes(hourOf(clock))) {
      clock = hasDay(values, clock) ? hour + hourMs : floorDay(clock) + dayMs;
      late = 0;
      continue;
    }
    const found = timeWithin(values, clock, hour);
    if (found === undefined) {
      const isRepeated = late === 0 && shownAt(zone, hour + hourMs) - shownAt(zone, hour) > hourMs;
      late = isRepeated ? hourMs : 0;
      clock = isRepeated ? hour : hour + hourMs;
      continue;
    }
    const time = shownAt(zone, found);
    if (hourOf(clockAt(zone, time)) === hourOf(found)) return time + late;
    clock = hour + hourMs;
  }
  return to;
}

/** The first clock time from `clock` on in its hour whose minute and second match. */
function timeWithin({ minute, second }: CalendarValues, clock: number, hour: number): number | undefined {
  for (const m of minute) {
    if (hour + (m + 1) * 60_000 <= clock) continue;
    for (const s of second) {
      const time = hour + m * 60_000 + s * 1_000;
      if (time >= clock) return time;
    }
  }
  return undefined;
}

function hourOf(clock: number): number {
  return new Date(clock).getUTCHours();
}

function floorDay(clock: number): number {
  return Math.floor(clock / dayMs) * dayMs;
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
