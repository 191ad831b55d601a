import { describe, expect, it } from 'vitest';
import { logMetricEvidence } from '../../../../activities/deployment/metric-evidence.js';
import { logGamma } from '../../../../activities/statistics/log-gamma.js';
import type { Moments } from '../../../../workflows/sdk/model/live-report.js';

const right = (rights: number, count: number): Moments => ({ count, mean: rights / count, variance: 0 });
const chance = (rights: number, count: number, accuracy: number) =>
  Math.exp(
    logGamma(count + 1) -
      logGamma(rights + 1) -
      logGamma(count - rights + 1) +
      rights * Math.log(accuracy) +
      (count - rights) * Math.log(1 - accuracy),
  );

describe('evidence that an accuracy is worse', () => {
  it.each([
    [0.5, 0, 30, 30],
    [0.9, 0, 40, 15],
    [0.9, 0, 15, 40],
    [0.9, 0.1, 25, 25],
    [0.99, 0.05, 40, 20],
  ])(
    'has a mean of at most 1 beside %d where it is worse by the %d that is allowed',
    (accuracy, worseBy, ours, its) => {
      let mean = 0;
      for (let one = 0; one <= ours; one++) {
        for (let other = 0; other <= its; other++) {
          const log = logMetricEvidence('accuracy', worseBy, right(one, ours), right(other, its));
          // Evidence below 1 is told as 1.
          if (log > 0) mean += chance(one, ours, accuracy) * chance(other, its, accuracy - worseBy) * Math.exp(log);
        }
      }
      expect(mean).toBeGreaterThan(0);
      expect(mean).toBeLessThanOrEqual(1);
    },
  );

  it('stays a number at a billion labels, and tells 0.900 from 0.899', () => {
    const of = (champion: number, challenger: number) =>
      logMetricEvidence('accuracy', 0, right(champion * 1e9, 1e9), right(challenger * 1e9, 1e9));
    expect(of(0.9, 0.9)).toBe(0);
    expect(of(0.9, 0.89999)).toBe(0);
    expect(of(0.9, 0.899)).toBeGreaterThan(1000);
    expect(of(0.899, 0.9)).toBe(0);
    expect(Number.isFinite(of(1, 0.5))).toBe(true);
  });
});

describe('evidence that errors are larger', () => {
  const rho2 = 0.025;
  const least = (one: Moments, other: Moments, gap: number) => {
    const spread = ({ count, variance }: Moments) => (2 * variance * (count * rho2 + 1)) / (count ** 2 * rho2);
    const cost = ({ count }: Moments) => Math.log(Math.sqrt(count * rho2 + 1));
    return gap ** 2 / (spread(one) + spread(other)) - cost(one) - cost(other);
  };

  it.each([
    [2000, 300, 0],
    [300, 2000, 0],
    [60, 60, 0.1],
    [1e9, 1e6, 0.2],
  ])(
    'is that of the boundaries of both arms, their squares added: %d and %d labels, %d allowed',
    (ours, its, worseBy) => {
      const champion: Moments = { count: ours, mean: 2, variance: 1 };
      const challenger: Moments = { count: its, mean: 3, variance: 2 };
      const log = logMetricEvidence('mae', worseBy, champion, challenger);
      const expected = least(champion, challenger, 1 - worseBy);
      expect(Math.abs(log / expected - 1)).toBeLessThan(1e-9);
    },
  );

  it('of squares is the same where nothing is allowed, and less where something is', () => {
    const [champion, challenger] = [
      { count: 500, mean: 4, variance: 20 },
      { count: 400, mean: 9, variance: 90 },
    ];
    const of = (metric: 'mae' | 'rmse', worseBy: number) => logMetricEvidence(metric, worseBy, champion, challenger);
    expect(of('rmse', 0)).toBeCloseTo(of('mae', 0), 9);
    expect(of('rmse', 0.5)).toBeLessThan(of('rmse', 0));
    expect(of('rmse', 0.5)).toBeGreaterThan(0);
    expect(of('rmse', 1)).toBe(0);
  });
});
