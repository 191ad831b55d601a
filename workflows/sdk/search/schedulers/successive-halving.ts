import type { CallEnd, Move, Scheduler, SchedulerOptions } from '../scheduler.js';
import { Bracket } from './bracket.js';
import { type Halving, type HalvingOptions, resolveHalving, rungBudgets } from './halving.js';

/**
 * Synchronous successive halving (Jamieson and Talwalkar, 2016): the best one in `eta` of a rung go on when all calls on
 * it have ended. Slower than `asha` where trials take unequal time, but its decisions depend on values only.
 */
export function successiveHalving(options: HalvingOptions): SchedulerOptions {
  return { kind: 'successive-halving', ...resolveHalving('successiveHalving', options) };
}

/**
 * It ends as `Asha` does: where nobody on a rung may go on, or all have failed, the best paused trial of the highest rung
 * does, until one has reached the last. Nothing is decided while a call is open, hence not by the order in which they end.
 */
export class SuccessiveHalving implements Scheduler {
  private readonly bracket: Bracket;
  private started = 0;
  /** The rung that is being filled. */
  private rung = 0;
  /** How many are still to be promoted to it. */
  private promotions = 0;

  constructor(
    halving: Halving,
    private readonly trials: number,
  ) {
    this.bracket = new Bracket(rungBudgets(halving), halving.eta);
  }

  next(): Move {
    if (this.started === this.trials) return this.goOn();
    // Those that came before it may have gone on.
    this.rung = 0;
    return this.bracket.start(this.started++);
  }

  goOn(): Move {
    if (this.promotions === 0) {
      if (this.bracket.open > 0) return { kind: 'wait' };
      this.promotions = this.bracket.promotions(this.rung);
      if (this.promotions === 0) return this.bracket.finish() ?? { kind: 'done' };
      this.rung++;
    }
    this.promotions--;
    return this.bracket.goOn(this.rung - 1);
  }

  ended(end: CallEnd): void {
    this.bracket.ended(end);
  }
}
