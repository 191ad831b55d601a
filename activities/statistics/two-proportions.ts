import { chiSquareTail } from './chi-square.js';

/**
 * Two-sided p-value of the test that two shares, `hits` of `rows` each, are one: the z-test with pooled variance, whose z²
 * is χ² with one degree of freedom.
 */
export function twoProportions(one: { hits: number; rows: number }, other: { hits: number; rows: number }): number {
  const pooled = (one.hits + other.hits) / (one.rows + other.rows);
  const variance = pooled * (1 - pooled) * (1 / one.rows + 1 / other.rows);
  if (!(variance > 0)) return 1;
  const difference = one.hits / one.rows - other.hits / other.rows;
  return chiSquareTail(difference ** 2 / variance, 1);
}
