import { describe, expect, it } from 'vitest';
import { fewestLabels } from '../../../../activities/deployment/metric-evidence.js';
import { judgeRollout } from '../../../../activities/deployment/rollout-guards.js';
import type { LiveCounts, LiveScores, Moments } from '../../../../workflows/sdk/model/live-report.js';
import type { RolloutGuards } from '../../../../workflows/sdk/model/rollout-guards.js';

const boundsMs = [10, 100, 250, 1000];

function counts(requests: number, more: Partial<LiveCounts> = {}): LiveCounts {
  return { requests, errors: 0, latency: { boundsMs, counts: [requests, 0, 0, 0, 0] }, ...more };
}
const failing = (requests: number, errors: number) => counts(requests, { errors });
const slow = (...buckets: number[]) =>
  counts(
    buckets.reduce((sum, count) => sum + count, 0),
    { latency: { boundsMs, counts: buckets } },
  );
const scored = (scores: LiveScores) => counts(1000, { scores });
const right = (count: number, mean: number): LiveScores => ({ accuracy: { count, mean, variance: mean * (1 - mean) } });

describe('the guard of the error rate', () => {
  const guards: RolloutGuards = { errorRate: 0.02 };

  it('says with figures why it takes the challenger back', () => {
    expect(judgeRollout(guards, counts(5000), failing(500, 51))).toEqual({
      abort: "10.2 % of the challenger's 500 requests failed, and errorRate allows 2 %",
      facts: { errorRate: { value: 0.102, limit: 0.02, count: 500, evidence: 1 } },
    });
  });

  it('does not, as long as chance explains what is over the limit', () => {
    const { abort, facts } = judgeRollout(guards, counts(5000), failing(100, 3));
    expect(abort).toBeUndefined();
    expect(facts.errorRate?.evidence).toBeLessThan(0.5);
  });

  it.each([
    [0, 1],
    [0.001, 2],
    [0.02, 2],
    [0.1, 4],
    [0.5, 10],
  ])('of %d takes back a challenger that fails from its first request on after %i', (errorRate, requests) => {
    const all = { errorRate, p95Ms: 200, metric: { name: 'accuracy' } } as const;
    expect(judgeRollout(all, undefined, failing(requests, requests)).abort).toBeDefined();
    expect(judgeRollout(all, undefined, failing(requests - 1, requests - 1)).abort).toBeUndefined();
  });

  it('waits for less evidence where no other guard shares its chance of a false abort', () => {
    const alone = judgeRollout(guards, undefined, failing(200, 12)).facts.errorRate?.evidence ?? 0;
    const shared = judgeRollout({ ...guards, p95Ms: 200 }, undefined, failing(200, 12)).facts.errorRate?.evidence ?? 0;
    expect(shared).toBeLessThan(alone);
    expect(alone).toBeLessThan(1);
  });
});

describe('the guard of the latency', () => {
  it('counts as slow what is in a bucket wholly above the limit', () => {
    const guards: RolloutGuards = { p95Ms: 200 };
    expect(judgeRollout(guards, undefined, slow(0, 0, 1000, 0, 0))).toEqual({
      facts: { p95Ms: { value: 0, limit: 0.05, aboveMs: 250, count: 1000, evidence: 0 } },
    });
    expect(judgeRollout(guards, undefined, slow(700, 0, 0, 150, 150))).toEqual({
      abort: "30 % of the challenger's 1000 requests took more than 250 ms, and p95Ms (200) allows 5 %",
      facts: { p95Ms: { value: 0.3, limit: 0.05, aboveMs: 250, count: 1000, evidence: 1 } },
    });
  });

  it('at a bound counts what is above it', () => {
    expect(judgeRollout({ p95Ms: 250 }, undefined, slow(0, 0, 0, 100, 0)).facts.p95Ms).toMatchObject({ aboveMs: 250 });
    expect(judgeRollout({ p95Ms: 1000 }, undefined, slow(0, 0, 0, 100, 0)).abort).toBeUndefined();
    expect(judgeRollout({ p95Ms: 1000 }, undefined, slow(0, 0, 0, 0, 100)).abort).toBeDefined();
  });

  it('says nothing above the last bound, where the server does not tell', () => {
    expect(judgeRollout({ p95Ms: 1001 }, undefined, slow(0, 0, 0, 0, 100)).facts.p95Ms).toEqual({
      value: 0,
      limit: 0.05,
      count: 100,
      evidence: 0,
    });
  });
});

describe('the guard of a metric', () => {
  const errors = (of: 'absoluteError' | 'squaredError', moments: Moments) => scored({ [of]: moments });
  const guard = (name: 'accuracy' | 'mae' | 'rmse', worseBy?: number): RolloutGuards => ({
    metric: { name, ...(worseBy === undefined ? {} : { worseBy }) },
  });

  it('compares accuracies', () => {
    const [champion, challenger] = [scored(right(5000, 0.9)), scored(right(500, 0.8))];
    expect(judgeRollout(guard('accuracy'), champion, challenger)).toEqual({
      abort: "the challenger's accuracy is 0.8 on 500 labels, the champion's 0.9 on 5000, and it may be worse by 0",
      facts: { metric: { value: 0.8, limit: 0.9, champion: 0.9, count: 500, championCount: 5000, evidence: 1 } },
    });
    expect(judgeRollout(guard('accuracy', 0.1), champion, challenger).abort).toBeUndefined();
    expect(judgeRollout(guard('accuracy'), challenger, champion).facts.metric?.evidence).toBe(0);
  });

  it.each([
    ['mae', 'absoluteError', 2, 3],
    ['rmse', 'squaredError', 4, 9],
  ] as const)('compares the %s', (name, of, one, other) => {
    const champion = errors(of, { count: 2000, mean: one, variance: one });
    const challenger = errors(of, { count: 300, mean: other, variance: other });
    const { abort, facts } = judgeRollout(guard(name), champion, challenger);
    expect(abort).toContain(`the challenger's ${name} is 3 on 300 labels, the champion's 2 on 2000`);
    expect(facts.metric).toMatchObject({ value: 3, limit: 2, champion: 2 });
    expect(judgeRollout(guard(name, 0.5), champion, challenger).abort).toBeDefined();
    expect(judgeRollout(guard(name, 1), champion, challenger).abort).toBeUndefined();
    expect(judgeRollout(guard(name), challenger, champion).abort).toBeUndefined();
  });

  it.each(['mae', 'rmse'] as const)('of the %s says nothing before both arms have enough labels', (name) => {
    const of = name === 'mae' ? 'absoluteError' : 'squaredError';
    const [good, bad] = [{ mean: 1, variance: 0 } as const, { mean: 9, variance: 0 } as const];
    const judge = (labels: number, others: number) =>
      judgeRollout(guard(name), errors(of, { count: labels, ...good }), errors(of, { count: others, ...bad })).abort;
    expect(judge(fewestLabels - 1, 1000)).toBeUndefined();
    expect(judge(1000, fewestLabels - 1)).toBeUndefined();
    expect(judge(fewestLabels, fewestLabels)).toBeDefined();
  });

  it('takes equal constant errors for equal, however their sums are rounded', () => {
    const [one, other] = [0.1 + 0.2, 0.3];
    const judge = (a: number, b: number) =>
      judgeRollout(
        guard('mae'),
        errors('absoluteError', { count: 1000, mean: a, variance: 0 }),
        errors('absoluteError', { count: 1000, mean: b, variance: 0 }),
      );
    expect([judge(one, other).abort, judge(other, one).abort]).toEqual([undefined, undefined]);
  });

  it('says nothing without the champion, or without labels of its kind', () => {
    const bad = scored(right(1000, 0));
    expect(judgeRollout(guard('accuracy'), undefined, bad).facts.metric).toEqual({
      value: 0,
      count: 1000,
      championCount: 0,
      evidence: 0,
    });
    expect(judgeRollout(guard('mae'), scored(right(1000, 1)), bad).facts.metric?.evidence).toBe(0);
    expect(judgeRollout(guard('accuracy'), scored(right(0, 0)), scored(right(0, 0))).abort).toBeUndefined();
  });
});

describe('all guards together', () => {
  const all: RolloutGuards = { errorRate: 0.02, p95Ms: 200, metric: { name: 'accuracy' } };

  it('tell every reason', () => {
    const bad = { ...slow(500, 0, 0, 0, 500), errors: 900, scores: right(1000, 0.1) };
    const { abort } = judgeRollout(all, scored(right(1000, 0.9)), bad);
    expect(abort?.split('; ')).toHaveLength(3);
  });

  it('say nothing of a version that has served nothing', () => {
    expect(judgeRollout(all, undefined, undefined)).toEqual({
      facts: {
        errorRate: { limit: 0.02, count: 0, evidence: 0 },
        p95Ms: { limit: 0.05, count: 0, evidence: 0 },
        metric: { count: 0, championCount: 0, evidence: 0 },
      },
    });
  });
});
