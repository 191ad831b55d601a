import { describe, expect, it } from 'vitest';
import { driftTerms } from '../../../../../workflows/sdk/model/drift-rule.js';
import { type RolloutRule, rolloutTerms } from '../../../../../workflows/sdk/model/rollout-rule.js';

const owner = 'model "m"';

describe('a rollout', () => {
  it('has its stages in percent and milliseconds, each held as it says or as the rule does', () => {
    const rule: RolloutRule = {
      stages: [{ shadow: 100, hold: '1h' }, 10, { percent: 50, hold: '2m' }, { bandit: 'rmse', within: '7 days' }],
      hold: '10m',
      abortWhen: { errorRate: 0.02, p95Ms: 200 },
    };
    expect(rolloutTerms(owner, rule)).toEqual({
      stages: [
        { percent: 100, isShadow: true, holdMs: 3_600_000 },
        { percent: 10, isShadow: false, holdMs: 600_000 },
        { percent: 50, isShadow: false, holdMs: 120_000 },
        { metric: 'rmse', floor: 5, confidence: 0.99, holdMs: 604_800_000 },
      ],
      guards: { errorRate: 0.02, p95Ms: 200 },
      minRequests: 0,
      lookEveryMs: 5_000,
    });
  });

  it('takes back what fails one request in twenty, also where nobody asked', () => {
    const rule: RolloutRule = { stages: [10], hold: '1m' };
    expect(rolloutTerms(owner, rule).guards).toEqual({ errorRate: 0.05 });
    expect(rolloutTerms(owner, { ...rule, abortWhen: { p95Ms: 10 } }).guards).toEqual({ errorRate: 0.05, p95Ms: 10 });
  });

  it.each<[string, unknown, RegExp]>([
    ['no stages', { stages: [] }, /rollout\.stages is \[\]/],
    ['stages that are no list', { stages: 50, hold: '1m' }, /rollout\.stages is 50/],
    ['21 stages', { stages: Array.from({ length: 21 }, () => 10), hold: '1m' }, /List 1 to 20/],
    ['a share above 100', { stages: [10, 130], hold: '1m' }, /rollout\.stages\[1\] is 130.*at most 100/],
    ['a share of 0', { stages: [0], hold: '1m' }, /rollout\.stages\[0\] is 0/],
    ['a share that is no number', { stages: ['50'], hold: '1m' }, /rollout\.stages\[0\] is "50"/],
    ['a share that is NaN', { stages: [Number.NaN], hold: '1m' }, /rollout\.stages\[0\] is/],
    ['weights of both versions', { stages: [{ champion: 90, challenger: 20 }], hold: '1m' }, /"champion".*percent/],
    ['a stage without a time', { stages: [10] }, /rollout\.stages\[0\]\.hold is undefined/],
    ['a stage of 0 s', { stages: [10], hold: '0 s' }, /rollout\.stages\[0\]\.hold/],
    ['a time that is none', { stages: [{ percent: 10, hold: '6 hourz' }] }, /6 hourz/],
    ['a guard on an unknown metric', { stages: [10], hold: '1m', abortWhen: { metric: { name: 'f2' } } }, /f2/],
    ['a guard that is none', { stages: [10], hold: '1m', abortWhen: { p99Ms: 3 } }, /p99Ms/],
    ['a bandit without an end', { stages: [{ bandit: 'accuracy' }] }, /stages\[0\]\.within/],
    ['a bandit on an unknown metric', { stages: [{ bandit: 'auc', within: '1d' }] }, /bandit is "auc"/],
    ['a floor of half', { stages: [{ bandit: 'accuracy', floor: 50, within: '1d' }] }, /floor is 50/],
    ['a confidence of 1', { stages: [{ bandit: 'accuracy', confidence: 1, within: '1d' }] }, /confidence is 1/],
    ['requests below 0', { stages: [10], hold: '1m', minRequests: -1 }, /minRequests is -1/],
    ['a look without a time between', { stages: [10], hold: '1m', lookEvery: 0 }, /lookEvery/],
    ['an option that there is not', { stages: [10], hold: '1m', holdd: '1m' }, /holdd/],
  ])('with %s is refused, naming the field', (_, rule, message) => {
    expect(() => rolloutTerms(owner, rule as RolloutRule)).toThrow(message);
  });
});

describe('a drift rule', () => {
  it('looks back on as long as lies between its checks, and trains at most once a day', () => {
    expect(driftTerms(owner, { every: '6 hours' })).toEqual({
      everyMs: 21_600_000,
      windowMs: 21_600_000,
      rules: {},
      retrains: true,
      coolDownMs: 86_400_000,
    });
  });

  it.each<[string, object, RegExp]>([
    ['no time', {}, /drift\.every/],
    ['a time of 0', { every: 0 }, /drift\.every/],
    ['a training that is no yes or no', { every: '1h', retrain: 'yes' }, /drift\.retrain is "yes"/],
    ['a rule that there is not', { every: '1h', rules: { psy: 1 } }, /drift\.rules.*psy/s],
    ['an option that there is not', { every: '1h', check: true }, /check/],
  ])('with %s is refused, naming the field', (_, rule, message) => {
    expect(() => driftTerms(owner, rule as never)).toThrow(message);
  });
});
