import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import { called } from './awaitable.js';

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
  private readonly waiting: { readonly place: PlaceInWindow; readonly enter: () => void }[] = [];

  /**
   * Schedules the call now or when there is room, and then with the history length at which it was called. `leave` must
   * follow when it has ended, however it did.
   */
  run<T>(place: PlaceInWindow, schedule: (delayedSince?: number) => Promise<T>): Promise<T> {
    if (this.waiting.length === 0 && this.fits(place)) {
      this.take(place);
      return called(() => schedule());
    }
    const calledAt = workflowInfo().historyLength;
    // It is let in by the end of another call, and must not be cancelled with that one's siblings.
    const scope = CancellationScope.current();
    const scheduled = () => scope.run(() => called(() => schedule(calledAt)));
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({ place, enter: () => void scheduled().then(resolve, reject) });
    });
  }

  /** Gives the place free where it was taken, and lets in who waits. */
  leave(place: PlaceInWindow): void {
    if (!place.isTaken) return;
    place.isTaken = false;
    this.open--;
    this.openBytes -= place.bytes;
    for (let next = this.waiting[0]; next !== undefined && this.fits(next.place); next = this.waiting[0]) {
      this.waiting.shift();
      this.take(next.place);
      next.enter();
    }
  }

  private fits({ bytes }: PlaceInWindow): boolean {
    return this.open === 0 || (this.open < maxPending && this.openBytes + bytes <= maxPendingBytes);
  }

  private take(place: PlaceInWindow): void {
    place.isTaken = true;
    this.open++;
    this.openBytes += place.bytes;
  }
}

/** What a call takes of a window while it is open. */
export class PlaceInWindow {
  readonly bytes: number;
  isTaken = false;

  constructor(inputBytes: number) {
    this.bytes = inputBytes + overheadBytes;
  }
}
