import type { Scheduler, SchedulerOptions } from '../scheduler.js';
import { Asha } from './asha.js';
import { Bracket } from './bracket.js';
import { type Halving, type HalvingOptions, resolveHalving, rungBudgets } from './halving.js';

/**
 * Asynchronous Hyperband (Li et al., 2018 and 2020): ASHA in several brackets side by side, which differ in the budget
 * of their first rung, for tasks in which early values may mislead.
 */
export function hyperband(options: HalvingOptions): SchedulerOptions {
  return { kind: 'hyperband', ...resolveHalving('hyperband', options) };
}

/**
 * With K rungs there are K brackets: s = K - 1 has all rungs, s = 0 only the last. The paper fills one after another;
 * here trials are dealt to them in turn, in the paper's proportions, so that any number of trials, and a study that is
 * cut short, has its share of each. Every bracket has its own end (see `Asha`), so each names a trial at `max`.
 */
export function openHyperband(halving: Halving, trials: number): Scheduler {
  const budgets = rungBudgets(halving);
  const brackets = budgets.map((_, first) => new Bracket(budgets.slice(first), halving.eta));
  return new Asha(brackets, deal(brackets, bracketSizes(budgets.length, halving.eta), trials));
}

/** Trials of each bracket in one round, s from high to 0: ⌈K / (s + 1) · eta^s⌉, Algorithm 1 of Li et al. (2018). */
function bracketSizes(rungs: number, eta: number): readonly number[] {
  return Array.from({ length: rungs }, (_, index) => {
    const s = rungs - 1 - index;
    return Math.ceil((rungs * eta ** s) / (s + 1));
  });
}

/**
 * In turn and by weight: each time all gain their weight, and the richest (of equals the first) pays the sum of all.
 * Nobody is ever a whole turn ahead of its share, and after a round all have exactly theirs.
 */
function deal<Part>(parts: readonly Part[], weights: readonly number[], turns: number): readonly Part[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const credits = weights.map(() => 0);
  return Array.from({ length: turns }, () => {
    weights.forEach((weight, index) => {
      credits[index] = (credits[index] as number) + weight;
    });
    const richest = credits.indexOf(Math.max(...credits));
    credits[richest] = (credits[richest] as number) - sum;
    return parts[richest] as Part;
  });
}
