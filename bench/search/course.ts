import type { z } from 'zod';
import { mean } from '../support/report.js';
import type { ForestParams, Trained } from './contracts.js';

/** What each contestant does in a turn: so many trials, two at a time. */
export interface Work {
  readonly trials: number;
  /** These parameters, in this order; without them, whatever TPE suggests from the seed on. */
  readonly list?: readonly ForestParams[];
  readonly seed: number;
}

export type Training = z.infer<typeof Trained>;

/** How a turn went. */
export interface Course {
  /** From the order to the study's result, everything started and imported before. */
  readonly seconds: number;
  readonly trainings: readonly Training[];
}

export const slots = 2;

/**
 * Milliseconds from the end of a training to the beginning of the next in the same slot: what a trial costs beyond its
 * training. In the order of the clock, the k-th beginning after the first two takes the slot that the k-th end gave free.
 */
export function overheadMs({ trainings }: Course): number {
  const begins = trainings.map(({ began }) => began).sort((a, b) => a - b);
  const ends = trainings.map(({ began, seconds }) => began + seconds).sort((a, b) => a - b);
  return 1_000 * mean(begins.slice(slots).map((began, k) => began - (ends[k] ?? Number.NaN)));
}

/** What came of the trainings, whatever their order: equal where the work was. */
export function sameWork(courses: readonly Course[]): boolean {
  const results = courses.map(({ trainings }) =>
    trainings
      .map(({ accuracy }) => accuracy)
      .sort((a, b) => a - b)
      .join(),
  );
  return new Set(results).size === 1;
}
