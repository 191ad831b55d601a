import { describe, expect, it } from 'vitest';
import { logEvidenceAbove, logEvidenceBelow } from '../../../../activities/statistics/bernoulli-evidence.js';
import { logGamma } from '../../../../activities/statistics/log-gamma.js';

const logChoose = (n: number, k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

describe('evidence that a share is above a limit', () => {
  it.each([
    [0.02, 50, 0.02],
    [0.5, 40, 0.5],
    [0.05, 60, 0.02],
  ])('against %d has the mean 1 over %i trials at the limit, and less below it', (limit, count, truth) => {
    let mean = 0;
    for (let sum = 0; sum <= count; sum++) {
      const log = logChoose(count, sum) + sum * Math.log(truth) + (count - sum) * Math.log(1 - truth);
      mean += Math.exp(log + logEvidenceAbove(limit, { count, sum }));
    }
    if (truth === limit) expect(mean).toBeCloseTo(1, 9);
    else expect(mean).toBeLessThan(1);
  });

  it('is nothing before anything was counted', () => {
    expect([0, 0.02, 0.5, 1].map((limit) => logEvidenceAbove(limit, { count: 0, sum: 0 }))).toEqual([0, 0, 0, 0]);
  });

  it('is final from the first that a limit of 0 rules out, and never there at a limit of 1', () => {
    expect(logEvidenceAbove(0, { count: 1e9, sum: 0 })).toBe(0);
    expect(logEvidenceAbove(0, { count: 1e9, sum: 1 })).toBe(Infinity);
    expect(logEvidenceAbove(1, { count: 1e9, sum: 1e9 })).toBe(0);
  });

  it('stays a number at a billion, and tells 2.02 % from 2 %', () => {
    const count = 1e9;
    expect(logEvidenceAbove(0.02, { count, sum: 0 })).toBeLessThan(-1000);
    expect(logEvidenceAbove(0.02, { count, sum: 0.02 * count })).toBeLessThan(0);
    expect(logEvidenceAbove(0.02, { count, sum: 0.0202 * count })).toBeGreaterThan(100);
    expect(logEvidenceAbove(1e-9, { count, sum: 1 })).toBeLessThan(1);
    expect(logEvidenceAbove(1e-9, { count, sum: 1000 })).toBeGreaterThan(1000);
    expect(Number.isFinite(logEvidenceAbove(0.02, { count, sum: count }))).toBe(true);
  });

  it('is that of its complement below the complementary limit', () => {
    expect(logEvidenceBelow(0.9, { count: 100, sum: 80 })).toBeCloseTo(
      logEvidenceAbove(0.1, { count: 100, sum: 20 }),
      12,
    );
  });
});
