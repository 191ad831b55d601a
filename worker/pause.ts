import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds; ends early when the signal aborts, and keeps no process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
