import { expect, it } from 'vitest';
import {
  type Beta,
  mostTerms,
  normalShareAbove,
  shareAbove,
} from '../../../../activities/statistics/beta-comparison.js';
import { logGamma } from '../../../../activities/statistics/log-gamma.js';

const beta = (successes: number, failures: number): Beta => ({ successes, failures });

/** From SciPy 1.17.1: integrate.quad of stats.beta(one).pdf(x) * stats.beta(other).cdf(x). */
it.each([
  [beta(2, 1), beta(1, 1), 0.6666666666666665],
  [beta(10, 3), beta(200, 40), 0.3237256253958029],
  [beta(81, 21), beta(181, 21), 0.008907911600622426],
  [beta(901, 101), beta(881, 121), 0.9231834389735645],
  [beta(1801, 201), beta(9001, 1101), 0.8763358149687563],
  [beta(5, 60), beta(700, 9000), 0.5057783144662733],
])('a draw of %o is above one of %o as often as SciPy integrates', (one, other, share) => {
  expect(shareAbove(one, other)).toBeCloseTo(share, 10);
});

it.each([
  [beta(3, 5), beta(4, 2)],
  [beta(40, 12), beta(90, 31)],
  [beta(1, 1), beta(1, 1)],
  [beta(900, 101), beta(1700, 250)],
])('of two draws one is the larger: %o, %o', (one, other) => {
  expect(shareAbove(one, other) + shareAbove(other, one)).toBeCloseTo(1, 11);
});

it.each([
  ['of one size', 1, 1, 1e-4],
  ['of one size, nearly all right', 100, 1, 1e-4],
  ['of two sizes', 1, 10, 1e-4],
  ['of two sizes, nearly all right', 100, 10, 2e-3],
])('hardly jumps where the sum gives way to the normal approximation, for samples %s', (_, odds, size, jump) => {
  for (const gap of [1, 1.005, 1.01, 1.02, 1.04]) {
    const one = beta(Math.round(mostTerms * odds * gap), mostTerms);
    const other = beta(mostTerms * odds * size, mostTerms * size);
    expect(Math.abs(shareAbove(one, other) - normalShareAbove(one, other))).toBeLessThan(jump);
  }
});

it('stays exact where the counts are far apart', () => {
  // Beta(1, n) above Beta(m, 1) with n = m: Γ(n + 1)² / Γ(2n + 1).
  const n = 30;
  expect(shareAbove(beta(1, n), beta(n, 1))).toBeCloseTo(Math.exp(2 * logGamma(n + 1) - logGamma(2 * n + 1)), 25);
  expect(shareAbove(beta(1e9, 1e9), beta(1, 1))).toBeCloseTo(0.5, 4);
  expect(shareAbove(beta(5, 1e9), beta(1e8, 1e9))).toBe(0);
});
