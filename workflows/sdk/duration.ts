import { EvertrainError, show } from './errors.js';

type Unit =
  | 'ms'
  | 'millisecond'
  | 'milliseconds'
  | 's'
  | 'second'
  | 'seconds'
  | 'm'
  | 'min'
  | 'minute'
  | 'minutes'
  | 'h'
  | 'hour'
  | 'hours'
  | 'd'
  | 'day'
  | 'days'
  | 'w'
  | 'week'
  | 'weeks';

/** A length of time: milliseconds, or text such as `'90s'`, `'10m'`, `'2 hours'`, `'1 day'`. */
export type Duration = number | `${number}${Unit}` | `${number} ${Unit}`;

const unitMs: Record<Unit, number> = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
  weeks: 604_800_000,
};

/** Milliseconds of a duration; USER_OPTION_INVALID when it is not one, or not positive. */
export function durationMs(duration: Duration, option: string): number {
  const ms = typeof duration === 'number' ? duration : parse(duration);
  if (ms === undefined || !Number.isFinite(ms) || ms <= 0) {
    throw new EvertrainError('USER_OPTION_INVALID', `${option}: ${show(duration)} is not a positive duration.`, {
      value: duration,
      remedy: "Write milliseconds or text such as '90s', '10m', '2 hours', '1 day'.",
    });
  }
  return ms;
}

function parse(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(String(text));
  const unit = match?.[2];
  return match && unit && unit in unitMs ? Number(match[1]) * unitMs[unit as Unit] : undefined;
}
