import { invalidOption } from '../workflows/sdk/options.js';
import type { RunOptions } from '../workflows/sdk/run-options.js';
import type { DataInterval } from '../workflows/sdk/schedule/planned.js';

/** The dates that a run by hand is given, as it is told of them. */
export function plannedBy(date: Date | undefined, interval: DataInterval | undefined): Pick<RunOptions, 'planned'> {
  if (date === undefined && interval === undefined) return {};
  if (!isDate(date)) throw invalidOption('start', 'logicalDate', date, 'Give a Date.');
  if (interval === undefined) return { planned: { date: date.toISOString() } };
  const { start, end } = interval;
  if (!isDate(start) || !isDate(end) || start >= end) {
    throw invalidOption('start', 'dataInterval', interval, 'Give two Dates, `start` before `end`.');
  }
  return { planned: { date: date.toISOString(), interval: { start: start.toISOString(), end: end.toISOString() } } };
}

function isDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
