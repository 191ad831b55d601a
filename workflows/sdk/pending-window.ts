import { workflowInfo } from '@temporalio/workflow';
import { EvertrainError } from './errors.js';

const maxPending = 500;
const maxPendingBytes = 1_500_000;
/** The engine refuses a payload above 2 MB. */
const maxInputBytes = 1_400_000;

/**
 * Keeps a run under the engine's limits: at most 500 open steps and 1.5 MB of their inputs at once (a run that has 2,000
 * pending activities, or sends 4 MB of commands in one workflow task, is stuck). More calls wait here, in order, so a
 * plain `Promise.all` over thousands of steps completes.
 */
export class PendingWindow {
  private open = 0;
  private openBytes = 0;
  private readonly waiting: Array<() => void> = [];

  /** `schedule` gets the history length at the time of the call when it had to wait. */
  run<T>(id: string, input: unknown, schedule: (delayedSince?: number) => Promise<T>): Promise<T> {
    const bytes = sizeOf(id, input);
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
    const result = schedule();
    result.then(done, done);
    return result;
  }
}

function sizeOf(id: string, input: unknown): number {
  let text: string | undefined;
  try {
    text = JSON.stringify(input);
  } catch (error) {
    throw new EvertrainError('USER_INPUT_INVALID', `The input of "${id}" is not JSON: ${String(error)}.`, {
      remedy: 'Pass plain objects, arrays, strings, finite numbers and booleans.',
      cause: error,
    });
  }
  const bytes = text === undefined ? 0 : text.length;
  if (bytes <= maxInputBytes) return bytes + 500;
  throw new EvertrainError(
    'USER_PAYLOAD_TOO_LARGE',
    `The input of "${id}" is ${(bytes / 1e6).toFixed(1)} MB of JSON.`,
    {
      value: bytes,
      remedy: 'Put the data into an artifact in a step and pass its reference.',
    },
  );
}
