import type { Move, Scheduler } from './scheduler.js';

/** Without a scheduler each trial is called once, and gets all that it takes. */
export class InOrder implements Scheduler {
  private begun = 0;
  private open = 0;

  constructor(private readonly trials: number) {}

  next(): Move {
    if (this.begun === this.trials) return this.goOn();
    this.open++;
    return { kind: 'start', trial: this.begun++, budget: 0 };
  }

  goOn(): Move {
    return { kind: this.open > 0 ? 'wait' : 'done' };
  }

  ended(): void {
    this.open--;
  }
}
