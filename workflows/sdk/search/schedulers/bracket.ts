import type { CallEnd, Move } from '../scheduler.js';
import { OpenCalls } from './open-calls.js';
import { byValue, type Result } from './result.js';
import { Sorted } from './sorted.js';

interface Rung {
  /** Calls that have ended here, failed ones included. */
  ended: number;
  /** Those that did not fail, the best first. */
  readonly ranked: Sorted<Result>;
  /** Of those, the ones that have not gone on. */
  readonly paused: Sorted<Result>;
}

/**
 * A ladder of rungs and the trials on it. A failed call counts as ended with the worst value: it makes room for better
 * trials on the next rung, and never goes on itself. (Optuna, Ray Tune and Syne Tune leave failures out of the count and
 * so promote fewer trials, the more of them fail; Katib's Hyperband gives up.) Of equal values that of the lower trial
 * number is better.
 */
export class Bracket {
  private readonly rungs: readonly Rung[];
  private readonly calls = new OpenCalls();
  private hasReachedTop = false;

  constructor(
    private readonly budgets: readonly number[],
    private readonly eta: number,
  ) {
    this.rungs = budgets.map(() => ({ ended: 0, ranked: new Sorted(byValue), paused: new Sorted(byValue) }));
  }

  get open(): number {
    return this.calls.size;
  }

  start(trial: number): Move {
    this.calls.begin(trial, 0);
    return { kind: 'start', trial, budget: this.budgets[0] as number };
  }

  ended(end: CallEnd): void {
    const value = this.calls.end(end);
    const rung = this.rungs[end.rung] as Rung;
    rung.ended++;
    if (value === undefined) return;
    const result = { trial: end.trial, value };
    rung.ranked.add(result);
    if (end.rung === this.budgets.length - 1) this.hasReachedTop = true;
    else rung.paused.add(result);
  }

  /**
   * The promotion that Algorithm 2 of Li et al. (2020), "A System for Massively Parallel Hyperparameter Tuning", allows:
   * on the highest rung that has one, the best paused trial among the first ⌊ended / eta⌋.
   */
  promote(): Move | undefined {
    for (let rung = this.budgets.length - 2; rung >= 0; rung--) {
      const { ended, ranked, paused } = this.rungs[rung] as Rung;
      // Whoever is ahead of the best paused trial has gone on, so where this one is not in, nobody is.
      if (paused.first !== undefined && ranked.rank(paused.first) < Math.floor(ended / this.eta)) {
        return this.goOn(rung);
      }
    }
    return undefined;
  }

  /** How many more go on from a rung on which all calls have ended: ⌊ended / eta⌋ in all, if as many are paused. */
  promotions(rung: number): number {
    const { ended, ranked, paused } = this.rungs[rung] as Rung;
    const before = ranked.size - paused.size;
    return Math.max(0, Math.min(paused.size, Math.floor(ended / this.eta) - before));
  }

  /** For the end of a bracket in which nobody has reached the last rung: the best paused trial of the highest rung. */
  finish(): Move | undefined {
    if (this.hasReachedTop) return undefined;
    const highest = this.rungs.findLastIndex(({ paused }) => paused.size > 0);
    return highest === -1 ? undefined : this.goOn(highest);
  }

  /** The best paused trial of the rung goes on to the next one. */
  goOn(from: number): Move {
    const best = this.rungs[from]?.paused.takeFirst();
    const rung = from + 1;
    const budget = this.budgets[rung];
    if (best === undefined || budget === undefined) throw new Error(`scheduler: nobody is paused at rung ${from}.`);
    this.calls.begin(best.trial, rung);
    return { kind: 'continue', trial: best.trial, rung, budget };
  }
}
