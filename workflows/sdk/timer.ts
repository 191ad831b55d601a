import { awaitable } from './awaitable.js';
import { type Duration, durationMs } from './duration.js';
import { currentScope } from './run-scope.js';

/** Waits in a pipeline. Durable: a restarted worker waits only for the rest. */
export function sleep(duration: Duration): Promise<void> {
  return awaitable(sleepFor(duration));
}

async function sleepFor(duration: Duration): Promise<void> {
  const ms = durationMs(duration, 'sleep');
  await currentScope('sleep').host.wait(() => false, ms);
}

/** The time at the run's own clock, the same in every replay. */
export function now(): Date {
  return new Date(currentScope('now').host.now());
}
