import type { Params, StudyDocument } from '../../workflows/sdk/search/study-record.js';

/** Forests of fewer trials say nothing. */
const leastTrials = 8;

export interface CompletedTrial {
  readonly params: Params;
  /** Of the first objective. */
  readonly value: number;
}

/**
 * What tells how parameters matter: trials that went to their end, which alone are comparable, without repeated ones, which
 * tell nothing new. None where they are fewer than 8 or all have the same value.
 */
export function completedTrials({ ended }: StudyDocument): CompletedTrial[] {
  const trials = ended.flatMap(({ state, sameAs, params, values: [value] = [] }) =>
    state === 'completed' && sameAs === undefined && Number.isFinite(value) ? [{ params, value: value as number }] : [],
  );
  const isTelling = trials.length >= leastTrials && new Set(trials.map(({ value }) => value)).size > 1;
  return isTelling ? trials : [];
}
