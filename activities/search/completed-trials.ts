import type { Params } from '../../workflows/sdk/search/space.js';
import type { StudyDocument } from '../../workflows/sdk/search/study-record.js';

/** Of fewer nothing can be told; in a space with conditions, what sets the best tenth apart. */
const leastTrials = { flat: 8, conditional: 20 };

export interface CompletedTrial {
  readonly params: Params;
  /** Of the first objective. */
  readonly value: number;
}

/**
 * What tells how parameters matter: trials that went to their end, which alone are comparable, without repeated ones, which
 * tell nothing new. None where they are too few or all have the same value.
 */
export function completedTrials({ ended, space }: StudyDocument): CompletedTrial[] {
  const trials = ended.flatMap(({ state, sameAs, params, values: [value] = [] }) =>
    state === 'completed' && sameAs === undefined && Number.isFinite(value) ? [{ params, value: value as number }] : [],
  );
  const hasConditions = Object.values(space).some((part) => typeof part === 'object' && part.when !== undefined);
  const least = hasConditions ? leastTrials.conditional : leastTrials.flat;
  const isTelling = trials.length >= least && new Set(trials.map(({ value }) => value)).size > 1;
  return isTelling ? trials : [];
}
