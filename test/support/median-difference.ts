import { seeded } from './random.js';

export interface MedianDifference {
  /** Median of the first less median of the second. */
  readonly difference: number;
  /** 95 % of the resamples are between these. */
  readonly from: number;
  readonly to: number;
}

const resamples = 10_000;

/**
 * The percentile bootstrap (Efron 1979). Values of the same index belong together, here by their seed, and are drawn
 * together.
 */
export function medianDifference(first: readonly number[], second: readonly number[], seed: number): MedianDifference {
  const uniform = seeded(seed);
  const drawn = Array.from({ length: resamples }, () => {
    const indexes = first.map(() => Math.floor(uniform() * first.length));
    const pick = (values: readonly number[]) => median(indexes.map((index) => values[index] as number));
    return pick(first) - pick(second);
  }).sort((a, b) => a - b);
  const quantile = (share: number) => drawn[Math.ceil(share * resamples) - 1] as number;
  return { difference: median(first) - median(second), from: quantile(0.025), to: quantile(0.975) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.floor(half)] as number) + (sorted[Math.ceil(half) - 1] as number)) / 2;
}
