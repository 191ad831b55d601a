import { setTimeout as sleep } from 'node:timers/promises';

const bytesPerSecond = 8 << 20;
const burstBytes = 4 << 20;
/** What a line costs beside its own bytes: time, level and names in the journal. */
const lineOverheadBytes = 200;

/**
 * How fast a job may write. Whoever reads its output waits when the budget is spent, so the pipe fills and the job waits
 * too: a flood grows neither memory nor the journal's backlog.
 */
export class OutputBudget {
  private left = burstBytes;
  private lastMs = performance.now();

  /** Resolves when so many bytes in so many lines may have been read. */
  async spend(bytes: number, lines: number): Promise<void> {
    const now = performance.now();
    this.left = Math.min(burstBytes, this.left + ((now - this.lastMs) / 1000) * bytesPerSecond);
    this.lastMs = now;
    this.left -= bytes + lines * lineOverheadBytes;
    if (this.left < 0) await sleep((-this.left / bytesPerSecond) * 1000);
  }
}
