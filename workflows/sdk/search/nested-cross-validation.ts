import { EvertrainError, show } from '../errors.js';
import { fanOut } from '../fan-out.js';
import { checkOptions } from '../options.js';
import type { BestTrial, Study } from './conduct-study.js';

/** Of what `search` answers; a constraint on it would keep the compiler from inferring its trial's output. */
type BestOf<Found> = Found extends Study<infer P, infer Output> ? BestTrial<P, Output> : never;
type ParamsOf<Found> = Found extends Study<infer P, unknown> ? P : never;

export interface NestedCrossValidationOptions<Fold, Found> {
  /** At least two, for example `{ train, test }` each. */
  readonly folds: readonly Fold[];
  /** Looks for parameters, seeing nothing of the fold's held-out part. */
  readonly search: (fold: Fold) => Promise<Found>;
  /** How good the fold's best is on its held-out part. */
  readonly score: (best: BestOf<Found>, fold: Fold) => Promise<number>;
  /** Folds at work at once. Default 1. */
  readonly atMost?: number;
  /** What the folds are shown under. Default `folds`. */
  readonly name?: string;
}

export interface NestedScore<P> {
  readonly mean: number;
  /** Of the folds' scores, with their number less one. */
  readonly standardDeviation: number;
  /** In the folds' order. */
  readonly folds: readonly { readonly params: P; readonly score: number }[];
}

/**
 * How good a search is, told without the optimism of its own best score: each fold has a study of its own, whose winner is
 * scored on rows that the study has not seen (Cawley and Talbot, 2010). Parameters that differ much from fold to fold say
 * that the search finds noise.
 */
export async function nestedCrossValidation<Fold, Found>(
  options: NestedCrossValidationOptions<Fold, Found>,
): Promise<NestedScore<ParamsOf<Found>>> {
  checkOptions('nestedCrossValidation', options, ['folds', 'search', 'score', 'atMost', 'name']);
  const { folds, search, score, atMost = 1, name = 'folds' } = options;
  if (!Array.isArray(folds) || folds.length < 2) {
    throw new EvertrainError('USER_OPTION_INVALID', `nestedCrossValidation: folds are ${show(folds)}.`, {
      value: folds,
      remedy: 'Give at least two.',
    });
  }
  const one = async (fold: Fold) => {
    const { best } = (await search(fold)) as Study<ParamsOf<Found>>;
    const found = await score(best as BestOf<Found>, fold);
    if (Number.isFinite(found)) return { params: best.params, score: found };
    throw new EvertrainError('USER_OUTPUT_INVALID', `nestedCrossValidation: a score is ${show(found)}.`, {
      value: found,
    });
  };
  const scored = await fanOut(folds as readonly Fold[], one, { name, atMost });
  const mean = scored.reduce((sum, fold) => sum + fold.score, 0) / scored.length;
  const squares = scored.reduce((sum, fold) => sum + (fold.score - mean) ** 2, 0);
  return { mean, standardDeviation: Math.sqrt(squares / (scored.length - 1)), folds: scored };
}
