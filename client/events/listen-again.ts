import { setTimeout as sleep } from 'node:timers/promises';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import type { Listener } from './listener.js';

/**
 * Listens to a source, and again whenever it is lost, until it is stopped. `lost` answers how many milliseconds to wait
 * first; an error of Evertrain's own says that listening makes no sense, and ends it.
 */
export function listenAgain(
  listen: (signal: AbortSignal) => Promise<void>,
  lost: (error: unknown) => number,
): Listener {
  const stopped = new AbortController();
  const { signal } = stopped;
  const run = async () => {
    while (!signal.aborted) {
      try {
        await listen(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isEvertrainError(error)) throw error;
        await sleep(lost(error), undefined, { signal }).catch(() => undefined);
      }
    }
  };
  const ended = run();
  return {
    ended,
    stop() {
      stopped.abort();
      return ended.catch(() => undefined);
    },
  };
}
