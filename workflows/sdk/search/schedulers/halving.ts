import { checkOptions } from '../../options.js';
import { checkWholeNumber, invalidOption } from './check-number.js';

/** What the schedulers that halve have in common. Budgets are whole numbers, of epochs for example. */
export interface HalvingOptions {
  /** What a trial gets first; default 1. */
  readonly min?: number;
  /** What the best trials get in all. */
  readonly max: number;
  /** One of so many trials goes on, to so many times the budget; default 3. */
  readonly eta?: number;
}

export type Halving = Required<HalvingOptions>;

/** Refuses what cannot be kept (USER_OPTION_UNKNOWN, USER_OPTION_INVALID), and fills in the defaults. */
export function resolveHalving(owner: string, options: HalvingOptions): Halving {
  checkOptions(owner, options, ['min', 'max', 'eta']);
  const { min = 1, max, eta = 3 } = options;
  checkWholeNumber(owner, 'min', min, 1);
  checkWholeNumber(owner, 'max', max, 1);
  checkWholeNumber(owner, 'eta', eta, 2);
  if (min > max) throw invalidOption(owner, 'min', min, `Use at most max, which is ${max}.`);
  return { min, max, eta };
}

/**
 * Budgets of the rungs: every `min · eta^k` below `max`, then `max`. Where `max` is no `min · eta^k` the last step is the
 * shorter one (1, 3, 9, 10), as in Syne Tune.
 */
export function rungBudgets({ min, max, eta }: Halving): readonly number[] {
  const budgets: number[] = [];
  for (let budget = min; budget < max; budget *= eta) budgets.push(budget);
  return [...budgets, max];
}
