import { called } from '../awaitable.js';
import { type Duration, durationMs } from '../duration.js';
import { checkName, checkOptions, invalidOption } from '../options.js';
import { currentPath, currentScope, nextId } from '../run-scope.js';
import type { Condition, SensorRequest } from './condition.js';

export interface SensorOptions {
  /** Wait between two looks; the first look is at once. Default 1 minute. */
  readonly every?: Duration;
  /** Each later wait is so many times longer. Default 1. */
  readonly backoff?: number;
  /** Longest wait. Default 1 hour, or `every` where that is longer. */
  readonly maxEvery?: Duration;
  /** Longest time in all; the last look is at its end. Without it the sensor waits for ever. */
  readonly timeout?: Duration;
  /** What the end of `timeout` does: fail with GATE_SENSOR_TIMED_OUT (default), or answer `undefined`. */
  readonly onTimeout?: 'fail' | 'skip';
}

/**
 * Waits until a condition holds, and answers what was found. Between two looks it is a note in the engine: no slot, no
 * memory and no event. A look that fails (a server is away) is waited out; what cannot come right by waiting (a query
 * with an error, a missing secret) fails the sensor at once.
 */
export function sensor<Facts>(
  name: string,
  condition: Condition<Facts>,
  options: SensorOptions & { readonly onTimeout: 'skip' },
): Promise<Facts | undefined>;
export function sensor<Facts>(name: string, condition: Condition<Facts>, options?: SensorOptions): Promise<Facts>;
export function sensor(name: string, condition: Condition, options: SensorOptions = {}): Promise<unknown> {
  return called(() => {
    checkName('sensor', name);
    const request = requestOf(name, condition, options);
    const scope = currentScope(`sensor "${name}"`);
    return scope.host.sensor(scope, request, nextId(scope, currentPath(), name));
  });
}

function requestOf(name: string, condition: Condition, options: SensorOptions): SensorRequest {
  const owner = `sensor "${name}"`;
  checkOptions(owner, options, ['every', 'backoff', 'maxEvery', 'timeout', 'onTimeout']);
  const { every = '1m', backoff, maxEvery, timeout, onTimeout = 'fail' } = options;
  const refuse = (what: string, value: unknown, remedy: string) => {
    throw invalidOption(owner, what, value, remedy);
  };
  if (typeof condition?.words !== 'string') {
    refuse('the condition', condition, 'Make it by objectExists, prefixHasNews, sqlReturnsRows and the like.');
  }
  if (backoff !== undefined && !(backoff >= 1)) refuse('backoff', backoff, 'Use a number from 1.');
  if (onTimeout !== 'fail' && onTimeout !== 'skip') refuse('onTimeout', onTimeout, "Use 'fail' or 'skip'.");
  const everyMs = durationMs(every, `${owner}: every`);
  const maxEveryMs = maxEvery === undefined ? undefined : durationMs(maxEvery, `${owner}: maxEvery`);
  if (maxEveryMs !== undefined && maxEveryMs < everyMs) refuse('maxEvery', maxEvery, 'It is at least `every`.');
  return {
    name,
    condition,
    everyMs,
    ...(backoff === undefined ? {} : { backoff }),
    ...(maxEveryMs === undefined ? {} : { maxEveryMs }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout, `${owner}: timeout`) }),
    ...(onTimeout === 'skip' ? { onTimeout } : {}),
  };
}
