import { describe, expect, it } from 'vitest';
import { challengerShare } from '../../../../activities/deployment/thompson-split.js';
import type { Moments } from '../../../../workflows/sdk/model/live-report.js';
import { type Contest, playSplit, playThompson } from '../../../support/split-regret.js';

const right = (count: number, mean: number): Moments => ({ count, mean, variance: mean * (1 - mean) });
const errors = (count: number, mean: number, variance = 1): Moments => ({ count, mean, variance });
const share = (champion: Moments | undefined, challenger: Moments | undefined, floor = 0) =>
  challengerShare({ metric: 'accuracy', champion, challenger, floor });

describe('the share of a challenger', () => {
  it('is even before any label, and between equals', () => {
    expect(share(undefined, undefined).percent).toBeCloseTo(50, 9);
    expect(share(undefined, undefined).stop).toBeUndefined();
    expect(share(right(100, 0.9), right(100, 0.9)).percent).toBeCloseTo(50, 9);
    expect(share(right(1e6, 0.9), right(1e6, 0.9)).percent).toBeCloseTo(50, 9);
  });

  it('is the probability that its accuracy is the higher one', () => {
    // Beta(2, 1) above Beta(1, 1): the mean of the former.
    expect(share(undefined, right(1, 1)).probabilityBetter).toBeCloseTo(2 / 3, 12);
    expect(share(right(1, 1), undefined).percent).toBeCloseTo(100 / 3, 10);
  });

  it.each(['mae', 'rmse'] as const)('of an %s is the probability that its error is the lower one', (metric) => {
    const split = (champion: Moments, challenger: Moments) =>
      challengerShare({ metric, champion, challenger, floor: 0 }).probabilityBetter;
    expect(split(errors(100, 2, 2), errors(400, 1.8, 8))).toBeCloseTo(0.841344746, 8);
    expect(split(errors(100, 1.8, 2), errors(400, 2, 8))).toBeCloseTo(0.158655254, 8);
    expect(split(errors(29, 1), errors(1000, 0))).toBe(0.5);
    expect(split(errors(30, 1, 0), errors(30, 1, 0))).toBe(0.5);
    expect(split(errors(30, 1, 0), errors(30, 2, 0))).toBe(0);
  });

  it('stays within the floor, and is never quite nothing', () => {
    const [bad, good] = [right(1000, 0.5), right(1000, 0.9)];
    expect([share(good, bad, 5).percent, share(bad, good, 5).percent]).toEqual([5, 95]);
    expect([share(good, bad, 0).percent, share(bad, good, 0).percent]).toEqual([0.01, 99.99]);
    expect(share(good, bad, 50).percent).toBe(50);
  });
});

describe('the split', () => {
  it('stops with the better arm once both have labels enough to be sure', () => {
    expect(share(right(1000, 0.8), right(1000, 0.9)).stop).toBe('challenger');
    expect(share(right(1000, 0.9), right(1000, 0.8)).stop).toBe('champion');
    expect(share(right(1000, 0.9), right(1000, 0.9)).stop).toBeUndefined();
    expect(share(right(1000, 0.9), right(99, 0.8)).probabilityBetter).toBeLessThan(0.01);
    expect(share(right(1000, 0.9), right(99, 0.8)).stop).toBeUndefined();
    expect(share(right(1000, 0.9), right(100, 0.8)).stop).toBe('champion');
  });

  it('stops as its options say', () => {
    const [champion, challenger] = [right(60, 0.8), right(60, 0.9)];
    const stop = (more: { sureAt?: number; fewestLabels?: number }) =>
      challengerShare({ metric: 'accuracy', champion, challenger, floor: 0, ...more }).stop;
    expect([stop({}), stop({ sureAt: 0.9 }), stop({ sureAt: 0.9, fewestLabels: 60 })]).toEqual([
      undefined,
      undefined,
      'challenger',
    ]);
  });

  it('does not wait for labels of an arm that gets none any more', () => {
    expect(share(right(1000, 0.9), right(20, 0.3)).stop).toBe('champion');
    expect(share(right(99, 0.9), right(20, 0.3)).stop).toBeUndefined();
  });
});

describe('requests that are split as the labels come', () => {
  const seeds = Array.from({ length: 40 }, (_, seed) => seed);
  const contests: readonly Contest[] = [
    { champion: 0.9, challenger: 0.8, requests: 2000 },
    { champion: 0.8, challenger: 0.9, requests: 2000 },
    { champion: 0.5, challenger: 0.6, requests: 2000 },
  ];
  const total = (regret: (contest: Contest, seed: number) => number) =>
    contests.flatMap((contest) => seeds.map((seed) => regret(contest, seed))).reduce((sum, one) => sum + one, 0);
  const textbook = total((contest, seed) => playThompson(contest, seed + 10_000).regret);

  it.each([1, 10, 50])('cost at most half more than textbook Thompson sampling, with a new share after %i', (batch) => {
    const regret = total((contest, seed) => playSplit(contest, { batch, floor: 0 }, seed).regret);
    expect(regret / textbook).toBeLessThanOrEqual(1.5);
    expect(regret / textbook).toBeGreaterThan(0.5);
  });

  it('go to the better version, in the end nearly all', () => {
    for (const challenger of [0.8, 0.95]) {
      const plays = seeds.map((seed) =>
        playSplit({ champion: 0.88, challenger, requests: 3000 }, { batch: 50, floor: 1 }, seed),
      );
      const best = challenger > 0.88 ? 'challenger' : 'champion';
      const wrong = plays.filter(({ stop }) => stop !== undefined && stop.kept !== best);
      expect(wrong.length / plays.length).toBeLessThanOrEqual(0.05);
      const kept = plays.map(({ labels }) => labels[best] / 3000).reduce((sum, one) => sum + one, 0) / plays.length;
      expect(kept).toBeGreaterThan(0.85);
    }
  });

  it('come back to an arm that was unlucky at first, without a floor', () => {
    // One wrong of one, beside a champion that is right in 60 % of many.
    const unlucky = share(right(5000, 0.6), right(1, 0));
    expect(unlucky.percent).toBeGreaterThan(10);
    expect(share(right(5000, 0.6), right(8, 0)).percent).toBeGreaterThanOrEqual(0.01);
    expect(share(right(5000, 0.6), right(8, 0)).stop).toBeUndefined();
  });
});
