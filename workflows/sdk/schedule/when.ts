import { type Duration, durationMs } from '../duration.js';
import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import { type Calendar, type WrittenCalendar, writeCalendar } from './calendar.js';
import { cronCalendar } from './cron.js';
import { momentOf } from './moment.js';
import { checkTimeZone } from './time-zone.js';
import { firesWithin, type Timing } from './timing.js';

/** Every so often, counted from 1970 in UTC, and so much later. Whole seconds. */
export interface Every {
  readonly every: Duration;
  readonly offset?: Duration;
}

/** Five fields of cron, `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, `@once`, or what they cannot say. */
export type When = string | Every | Calendar;

export interface TimingOptions {
  /** Of the IANA database, such as `Europe/Berlin`; default UTC. */
  readonly timeZone?: string;
  /** No fire time before it: `2026-01-31`, `2026-01-31T06:30` by clocks of the time zone, or `2026-01-31T06:30Z`. */
  readonly start?: string;
  /** None after it; a day counts as a whole. */
  readonly end?: string;
  /** Nor at these: days (`2026-12-25`) or calendars, whose `hour`, `minute` and `second` mean every one by default. */
  readonly except?: readonly (string | Calendar)[];
}

/** Checks and writes down when a schedule fires; USER_OPTION_INVALID for what never does. */
export function timingOf(owner: string, when: When | readonly When[], options: TimingOptions): Timing {
  const { timeZone = 'UTC', start, end, except = [] } = options;
  checkTimeZone(owner, timeZone);
  const first = start === undefined ? undefined : momentOf(`${owner}: start`, start, timeZone, 'first');
  const last = end === undefined ? undefined : momentOf(`${owner}: end`, end, timeZone, 'last');
  if (first !== undefined && last !== undefined && last < first) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: it ends (${end}) before it starts (${start}).`, {
      value: end,
      remedy: 'Give an `end` after `start`, or none.',
    });
  }
  const timing = {
    ...timesOf(owner, Array.isArray(when) ? (when as readonly When[]) : [when as When], first),
    ...(except.length === 0 ? {} : { except: except.map((one) => exclusion(`${owner}: except`, one)) }),
    timeZone,
    ...(first === undefined ? {} : { start: isoOf(first) }),
    ...(last === undefined ? {} : { end: isoOf(last) }),
  };
  checkFires(owner, timing, first, last);
  return timing;
}

function timesOf(owner: string, whens: readonly When[], start: number | undefined) {
  if (whens.length === 0) throw invalid(owner, whens, "Write '@daily', cron's five fields, { every } or a calendar.");
  if (whens.includes('@once')) {
    if (whens.length === 1 && start !== undefined) return { once: isoOf(start) };
    throw invalid(owner, whens, "'@once' stands alone, and says by `start` when.");
  }
  const intervals = whens.filter((when): when is Every => typeof when === 'object' && 'every' in when);
  const others = whens.filter((when): when is string | Calendar => !intervals.includes(when as Every));
  return {
    ...(others.length === 0 ? {} : { calendars: others.map((when) => calendarOf(owner, when)) }),
    ...(intervals.length === 0 ? {} : { intervals: intervals.map((when) => intervalTimes(owner, when)) }),
  };
}

function calendarOf(owner: string, when: string | Calendar): WrittenCalendar {
  return typeof when === 'string' ? cronCalendar(owner, when) : writeCalendar(owner, when, '0');
}

function intervalTimes(owner: string, when: Every) {
  checkOptions(owner, when, ['every', 'offset']);
  const everyMs = durationMs(when.every, `${owner}: every`);
  const offsetMs = when.offset === undefined ? 0 : durationMs(when.offset, `${owner}: offset`);
  if (everyMs % 1_000 === 0 && offsetMs % 1_000 === 0 && offsetMs < everyMs) return { everyMs, offsetMs };
  throw invalid(owner, when, 'Use whole seconds, and an `offset` shorter than `every`.');
}

function exclusion(owner: string, one: string | Calendar): WrittenCalendar {
  if (typeof one !== 'string') return writeCalendar(owner, one, '*');
  const [year, month, dayOfMonth] = isoOf(momentOf(owner, one.slice(0, 10), 'UTC', 'first'))
    .slice(0, 10)
    .split('-');
  if (one.length !== 10) throw invalid(owner, one, "Write a day such as '2026-12-25', or a calendar.");
  const day = { year: Number(year), month: Number(month), dayOfMonth: Number(dayOfMonth) };
  return writeCalendar(owner, day, '*');
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** In which every date comes, leap days on each day of the week too. */
const longYears = { from: Date.UTC(2000, 0, 1), to: Date.UTC(2030, 0, 1) };
const someDays = 40 * dayMs;

/** Looks at little first, which is enough for dense times: every run of the project comes by here. */
function checkFires(owner: string, timing: Timing, first: number | undefined, last: number | undefined): void {
  const from = first ?? (last === undefined ? longYears.from : Math.min(longYears.from, last));
  const to = last ?? Math.max(longYears.to, from + longYears.to - longYears.from);
  const fires = (a: number, b: number) => firesWithin(timing, a, b).length > 0;
  for (let at = from, length = hourMs; at <= to; at += length, length = Math.min(length * 2, someDays)) {
    if (fires(at, Math.min(at + length, to + 1))) return;
  }
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: it never fires.`, {
    value: timing,
    remedy: 'Widen `start` to `end`, correct the times, or take some of `except` away.',
  });
}

function isoOf(instant: number): string {
  return new Date(instant).toISOString().replace('.000Z', 'Z');
}

function invalid(owner: string, when: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${show(when)} says not when it fires.`, {
    value: when,
    remedy,
  });
}
