import type { TrialReport } from '../../workflows/sdk/search/messages.js';
import type { StepLogger } from './context.js';

const mostWaiting = 1_000;
const settleMs = 5_000;

/**
 * What a step at work tells its run of one metric, in order and one at a time; user code waits for none of it. What cannot
 * be told is given up, with one warning in the step's log: a run decides by what it has heard, and learns the step's
 * answer in any case. Of more than 1,000 that wait the oldest are given up, as the newest decide.
 */
export class RunReports {
  private readonly waiting: TrialReport[] = [];
  private sending: Promise<void> | undefined;
  private isWarned = false;
  private isOver = false;

  constructor(
    private readonly tell: (report: TrialReport) => Promise<void>,
    private readonly log: () => Pick<StepLogger, 'warn'>,
  ) {}

  add(report: TrialReport): void {
    if (this.isOver) return;
    this.waiting.push(report);
    if (this.waiting.length > mostWaiting) this.giveUp(this.waiting.splice(0, 1), 'the engine takes them too slowly');
    this.sending ??= this.send();
  }

  /**
   * Lets what was reported reach the run before the step's answer does, within 5 s; gives up the rest. Answers nothing
   * where nothing is on its way, and never rejects.
   */
  settle(): Promise<void> | undefined {
    if (this.sending === undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.giveUp(this.waiting.splice(0), 'the step has ended, and the engine does not answer');
        resolve();
      }, settleMs);
    });
    return Promise.race([this.sending, late]).finally(() => clearTimeout(timer));
  }

  /** The attempt is over, though its code may not know that yet: nothing more is told. */
  drop(): void {
    this.isOver = true;
    this.waiting.length = 0;
  }

  private async send(): Promise<void> {
    for (let report = this.waiting.shift(); report !== undefined; report = this.waiting.shift()) {
      try {
        await this.tell(report);
      } catch (error) {
        this.giveUp([report], String(error));
      }
    }
    this.sending = undefined;
  }

  private giveUp([first]: readonly TrialReport[], why: string): void {
    if (this.isWarned || first === undefined) return;
    this.isWarned = true;
    this.log().warn(`The run was not told all that was reported: ${why}.`, { at: first.at });
  }
}
