import { expect, it } from 'vitest';
import { logGamma } from '../../../../activities/statistics/log-gamma.js';

it.each([
  [0.1, 2.252712651734206],
  [0.5, 0.5723649429247001],
  [1, 0],
  [2.5, 0.2846828704729192],
  [10, 12.801827480081469],
  [1000, 5905.220423209181],
  [1e6, 12815504.569147611],
])('logGamma(%d) agrees with scipy.special.gammaln', (x, expected) => {
  expect(Math.abs(logGamma(x) - expected)).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected)));
});
