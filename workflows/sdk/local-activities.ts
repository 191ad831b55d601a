/** What the engine has not seen of a task: all of it is done again when the worker dies or the task fails. */
const maxSteps = 100;
const maxMs = 1_000;
/** Markers travel together at the end of the workflow task. */
const maxBytes = 500_000;

/**
 * The local activities of a run, which are its look-ups in the step cache and its light steps. A history keeps their
 * answers in markers, written at the end of the workflow task, which goes on while one follows the other.
 */
export class LocalActivities {
  private last: Promise<unknown> | undefined;
  private unrecorded = { steps: 0, ms: 0, bytes: 0 };

  /**
   * One at a time. Local activities that are out together come back one by one, but a replay is handed all of them at
   * once: what each led to would then be called in another order, and the run could never go on.
   */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.last === undefined ? work() : this.last.then(work, work);
    this.last = turn;
    const done = () => {
      if (this.last === turn) this.last = undefined;
    };
    turn.then(done, done);
    return turn;
  }

  /** Of a look-up, only what travels counts: another one does no harm. */
  add({ bytes, ms, steps = 1 }: { readonly bytes: number; readonly ms?: number; readonly steps?: number }): void {
    this.unrecorded.bytes += bytes;
    if (ms === undefined) return;
    this.unrecorded.steps += steps;
    this.unrecorded.ms += ms;
  }

  /** How many more light steps the engine need not see. */
  get room(): number {
    return maxSteps - this.unrecorded.steps;
  }

  get isFull(): boolean {
    const { steps, ms, bytes } = this.unrecorded;
    return steps >= maxSteps || ms >= maxMs || bytes > maxBytes;
  }

  /** To be called in a turn, while no local activity is out, with something that ends the task. */
  async record(endTask: () => Promise<unknown>): Promise<void> {
    this.unrecorded = { steps: 0, ms: 0, bytes: 0 };
    await endTask();
  }
}
