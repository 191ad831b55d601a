import { workflowInfo } from '@temporalio/workflow';

const maxPending = 500;
const maxPendingBytes = 1_500_000;
/** What travels with an input: ids, policy, header. */
const overheadBytes = 500;

/**
 * Keeps a run under the engine's limits: at most 500 open calls and 1.5 MB of their inputs at once (a run that has 2,000
 * pending activities, or sends 4 MB of commands in one workflow task, is stuck). More calls wait here, in order, so a
 * plain `Promise.all` over thousands of steps completes. Child runs have a window of their own: they last long, and the
 * steps beside them must not wait for them.
 */
export class PendingWindow {
  private open = 0;
  private openBytes = 0;
  private readonly waiting: Array<() => void> = [];

  /** `schedule` gets the history length at the time of the call when it had to wait. */
  run<T>(inputBytes: number, schedule: (delayedSince?: number) => Promise<T>): Promise<T> {
    const bytes = inputBytes + overheadBytes;
    if (this.waiting.length === 0 && this.fits(bytes)) return this.start(bytes, () => schedule());
    const calledAt = workflowInfo().historyLength;
    return new Promise<T>((resolve, reject) => {
      this.waiting.push(() => {
        this.start(bytes, () => schedule(calledAt)).then(resolve, reject);
      });
      this.sizes.push(bytes);
    });
  }

  private readonly sizes: number[] = [];

  private fits(bytes: number): boolean {
    return this.open === 0 || (this.open < maxPending && this.openBytes + bytes <= maxPendingBytes);
  }

  private start<T>(bytes: number, schedule: () => Promise<T>): Promise<T> {
    this.open++;
    this.openBytes += bytes;
    const done = () => {
      this.open--;
      this.openBytes -= bytes;
      while (this.waiting.length > 0 && this.fits(this.sizes[0] as number)) {
        this.sizes.shift();
        this.waiting.shift()?.();
      }
    };
    const result = attempt(schedule);
    result.then(done, done);
    return result;
  }
}

function attempt<T>(schedule: () => Promise<T>): Promise<T> {
  try {
    return schedule();
  } catch (error) {
    return Promise.reject(error as Error);
  }
}
