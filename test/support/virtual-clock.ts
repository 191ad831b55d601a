/**
 * Time that passes only when nothing is left to do: then it is as late as the next of those who wait, one at a time. So
 * durations alone decide what comes first, however long the real work takes.
 */
export class VirtualClock {
  private now = 0;
  private atWork = 0;
  private readonly waiting: { readonly at: number; readonly wake: () => void }[] = [];

  /** Does the work, and ends when `duration` has passed since its beginning. */
  async take<T>(duration: number, work: () => Promise<T>): Promise<T> {
    const at = this.now + duration;
    this.atWork++;
    try {
      return await work();
    } finally {
      this.atWork--;
      const over = new Promise<void>((wake) => void this.waiting.push({ at, wake }));
      this.goOn();
      await over;
    }
  }

  /** After all that follows at once from what has happened. */
  private goOn(): void {
    setImmediate(() => {
      if (this.atWork > 0) return;
      const next = this.waiting.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) return;
      this.waiting.splice(this.waiting.indexOf(next), 1);
      this.now = next.at;
      next.wake();
      this.goOn();
    });
  }
}
