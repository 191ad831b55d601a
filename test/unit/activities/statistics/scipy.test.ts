import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chiSquareQuantile, chiSquareTail } from '../../../../activities/statistics/chi-square.js';
import { upperGamma } from '../../../../activities/statistics/incomplete-gamma.js';
import { kolmogorovTail, twoSampleTail } from '../../../../activities/statistics/kolmogorov.js';
import { twoProportions } from '../../../../activities/statistics/two-proportions.js';

type Rows = readonly (readonly number[])[];
interface Fixture {
  readonly kolmogorov: Rows;
  readonly two_sample: readonly { one: number[]; other: number[]; statistic: number; p: number }[];
  readonly chi_square: Rows;
  readonly quantiles: Rows;
  readonly incomplete_gamma: Rows;
  readonly proportions: Rows;
}
const scipy = JSON.parse(
  readFileSync(new URL('../../../fixtures/statistics/scipy.json', import.meta.url), 'utf8'),
) as Fixture;

/** The largest difference between SciPy's last number of each row and ours of the others. */
function worst(rows: Rows, ours: (...row: [number, number, number, number]) => number, isRelative = false): number {
  const differences = rows.map((row) => {
    const theirs = row.at(-1) ?? Number.NaN;
    const apart = Math.abs(ours(...(row as unknown as [number, number, number, number])) - theirs);
    return isRelative ? apart / Math.max(theirs, Number.MIN_VALUE) : apart;
  });
  expect(differences.length).toBeGreaterThan(3);
  return Math.max(...differences);
}

describe('agrees with SciPy', () => {
  it('in the distribution of the Kolmogorov–Smirnov statistic', () => {
    expect(worst(scipy.kolmogorov, kolmogorovTail)).toBeLessThan(1e-9);
    const small = scipy.kolmogorov.filter(([n = 0, , p = 0]) => n <= 10_000 && p < 0.01 && p > 1e-300);
    expect(worst(small, kolmogorovTail, true)).toBeLessThan(1e-9);
  });

  it('in the two-sample test', () => {
    for (const { one, other, statistic, p } of scipy.two_sample) {
      expect(Math.abs(twoSampleTail(statistic, one.length, other.length) - p)).toBeLessThan(1e-9);
    }
  });

  it('in the incomplete gamma function, and in the tail and quantiles of chi-square', () => {
    expect(worst(scipy.incomplete_gamma, upperGamma)).toBeLessThan(1e-11);
    expect(worst(scipy.chi_square, chiSquareTail)).toBeLessThan(1e-11);
    expect(worst(scipy.quantiles, chiSquareQuantile, true)).toBeLessThan(1e-9);
  });

  it('in the test of two shares', () => {
    const ours = (hits: number, rows: number, others: number, ofRows: number) =>
      twoProportions({ hits, rows }, { hits: others, rows: ofRows });
    expect(worst(scipy.proportions, ours)).toBeLessThan(1e-11);
  });
});

it('says that nothing differs where nothing can', () => {
  expect(chiSquareTail(0, 0)).toBe(1);
  expect(chiSquareQuantile(0.01, 0)).toBe(0);
  expect(kolmogorovTail(100, 0)).toBe(1);
  expect(kolmogorovTail(100, 1)).toBe(0);
  expect(twoProportions({ hits: 0, rows: 10 }, { hits: 0, rows: 20 })).toBe(1);
  expect(twoProportions({ hits: 10, rows: 10 }, { hits: 20, rows: 20 })).toBe(1);
  expect(upperGamma(3, Infinity)).toBe(0);
});
