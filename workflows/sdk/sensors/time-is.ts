import { EvertrainError, show } from '../errors.js';
import type { Condition, TimeFacts } from './condition.js';

/** A time has come: a timer of the run, which nothing looks at in between. */
export function timeIs(time: Date | string): Condition<TimeFacts> {
  const at = new Date(time);
  if (Number.isNaN(at.getTime()) || (typeof time === 'string' && !/T.*(Z|[+-]\d\d:?\d\d)$/.test(time))) {
    throw new EvertrainError('USER_OPTION_INVALID', `timeIs: ${show(time)} is not a time.`, {
      value: time,
      remedy: 'Pass a Date, or ISO 8601 with its zone, for example 2026-11-23T02:00:00Z.',
    });
  }
  return { kind: 'time', at: at.toISOString(), words: `it is ${at.toISOString()}` };
}
