import { EvertrainError, show } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';

/** A number, or what a field of cron may say: `*`, `1-5`, `MON,WED`, `*` and a step: every so many. */
export type CalendarField = number | string;

/** Times of a clock. A time matches when all fields do. */
export interface Calendar {
  /** 0–59; default 0. */
  readonly second?: CalendarField;
  /** 0–59; default 0. */
  readonly minute?: CalendarField;
  /** 0–23; default 0. */
  readonly hour?: CalendarField;
  /** 1–31; default every one, as in the fields below. */
  readonly dayOfMonth?: CalendarField;
  /** 1–12 or JAN–DEC. */
  readonly month?: CalendarField;
  /** 0–7 or SUN–SAT; 0 and 7 are Sunday. */
  readonly dayOfWeek?: CalendarField;
  /** 2000–2100. */
  readonly year?: CalendarField;
}

const calendarFields = ['second', 'minute', 'hour', 'dayOfMonth', 'month', 'dayOfWeek', 'year'] as const;
export type FieldName = (typeof calendarFields)[number];

/** All fields as text. It travels with schedules and their runs. */
export type WrittenCalendar = Readonly<Record<FieldName, string>>;

/** Which values each field has, in order. */
export type CalendarValues = Readonly<Record<FieldName, readonly number[]>>;

const bounds: Readonly<Record<FieldName, readonly [number, number]>> = {
  second: [0, 59],
  minute: [0, 59],
  hour: [0, 23],
  dayOfMonth: [1, 31],
  month: [1, 12],
  dayOfWeek: [0, 7],
  year: [2000, 2100],
};

const names: Partial<Record<FieldName, readonly string[]>> = {
  month: ['', 'JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
  dayOfWeek: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
};

/** Fills in what a calendar leaves out; USER_OPTION_INVALID for a field that no clock shows, or a date that never comes. */
export function writeCalendar(owner: string, calendar: Calendar, time: '0' | '*'): WrittenCalendar {
  checkOptions(owner, calendar, calendarFields);
  const written = Object.fromEntries(
    calendarFields.map((field, n) => [field, String(calendar[field] ?? (n < 3 ? time : '*')).toUpperCase()]),
  ) as WrittenCalendar;
  const values = calendarValues(owner, written);
  const comes = values.month.some((month) => (values.dayOfMonth[0] as number) <= longest(month, values.year));
  if (comes) return written;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: the date ${show(shortText(written))} never comes.`, {
    value: shortText(written),
    remedy: 'Correct `dayOfMonth` or `month`.',
  });
}

/** The most days that a month has in one of the years. */
function longest(month: number, years: readonly number[]): number {
  return Math.max(...years.map((year) => new Date(Date.UTC(year, month, 0)).getUTCDate()));
}

export function calendarValues(owner: string, written: WrittenCalendar): CalendarValues {
  const entries = calendarFields.map((field) => [field, valuesOf(owner, field, written[field])]);
  return Object.fromEntries(entries) as CalendarValues;
}

function valuesOf(owner: string, field: FieldName, text: string): number[] {
  const found = new Set<number>();
  for (const part of text.split(',')) {
    const [first, last, step] = rangeOf(field, part) ?? [];
    if (first === undefined || last === undefined || step === undefined) throw refused(owner, field, text);
    for (let value = first; value <= last; value += step) found.add(field === 'dayOfWeek' ? value % 7 : value);
  }
  return [...found].sort((a, b) => a - b);
}

/** `*`, `a`, `a-b`, each with `/step`; `a/step` goes on to the last value. */
function rangeOf(field: FieldName, part: string): [first: number, last: number, step: number] | undefined {
  const [, from, to, every] = /^(\*|[A-Z]{3}|\d{1,4})(?:-([A-Z]{3}|\d{1,4}))?(?:\/(\d{1,4}))?$/.exec(part) ?? [];
  const [least, most] = bounds[field];
  if (from === undefined || (from === '*' && to !== undefined)) return undefined;
  const first = from === '*' ? least : numberOf(field, from);
  const isOpen = from === '*' || every !== undefined;
  const last = to === undefined ? (isOpen ? lastOf(field) : first) : numberOf(field, to);
  const step = every === undefined ? 1 : Number(every);
  const isRight = first >= least && last <= most && first <= last && step >= 1;
  return isRight ? [first, last, step] : undefined;
}

/** Sunday is the first day of a week here, and no second time the last. */
function lastOf(field: FieldName): number {
  return field === 'dayOfWeek' ? 6 : bounds[field][1];
}

function numberOf(field: FieldName, text: string): number {
  return /^\d/.test(text) ? Number(text) : (names[field]?.indexOf(text) ?? -1);
}

function refused(owner: string, field: FieldName, text: string): EvertrainError {
  const [least, most] = bounds[field];
  const known = names[field]?.filter((name) => name !== '');
  const words = known === undefined ? '' : ` or ${known[0]} to ${known.at(-1)}`;
  return invalidOption(owner, field, text, `Use ${least} to ${most}${words}, as in '*', '1-5', '1,3' or '*/2'.`);
}

/** Its fields that say something, as cron has them. */
function shortText({ dayOfMonth, month, year }: WrittenCalendar): string {
  return `dayOfMonth ${dayOfMonth}, month ${month}${year === '*' ? '' : `, year ${year}`}`;
}
