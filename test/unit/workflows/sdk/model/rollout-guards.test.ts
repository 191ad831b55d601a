import { describe, expect, it } from 'vitest';
import { checkGuards, type RolloutGuards } from '../../../../../workflows/sdk/model/rollout-guards.js';

const check = (guards: unknown) => () => checkGuards('model "iris"', guards as RolloutGuards);

describe('the guards of a rollout', () => {
  it.each([
    { errorRate: 0 },
    { errorRate: 0.02, p95Ms: 200 },
    { metric: { name: 'accuracy', worseBy: 0.05 } },
    { metric: { name: 'rmse', worseBy: 20 }, p95Ms: 0.5 },
  ])('are taken as %j', (guards) => {
    expect(check(guards)()).toEqual(guards);
  });

  it.each([
    [{ errorRate: 2 }, 'rollout.abortWhen.errorRate is 2. Use a share from 0'],
    [{ errorRate: 1 }, 'rollout.abortWhen.errorRate is 1. '],
    [{ errorRate: -0.1 }, 'rollout.abortWhen.errorRate is -0.1. '],
    [{ errorRate: '2%' }, 'rollout.abortWhen.errorRate is "2%". '],
    [{ errorRate: Number.NaN }, 'rollout.abortWhen.errorRate is NaN. '],
    [{ p95Ms: 0 }, 'rollout.abortWhen.p95Ms is 0. Use a number of milliseconds'],
    [{ p95Ms: Infinity }, 'rollout.abortWhen.p95Ms is Infinity. '],
    [{ metric: { name: 'f1' } }, 'rollout.abortWhen.metric.name is "f1". The server computes accuracy, mae, rmse.'],
    [{ metric: { name: 'mae', worseBy: -1 } }, 'rollout.abortWhen.metric.worseBy is -1. Use a number from 0.'],
    [{ metric: { name: 'mae', worseBy: Number.NaN } }, 'rollout.abortWhen.metric.worseBy is NaN. '],
    [{ metric: { name: 'accuracy', worseBy: 1 } }, 'rollout.abortWhen.metric.worseBy is 1. Use a number from 0 to'],
    [{ metric: 'accuracy' }, 'rollout.abortWhen.metric: the options are "accuracy", not an object.'],
    [{}, 'rollout.abortWhen is {}. Give `errorRate`, `p95Ms` or `metric`.'],
    [null, 'rollout.abortWhen: the options are null, not an object.'],
  ])('are refused as %j', (guards, message) => {
    expect(check(guards)).toThrow(expect.objectContaining({ code: 'USER_OPTION_INVALID' }));
    expect(check(guards)).toThrow(message);
  });

  it.each([
    [{ errorrate: 0.1 }, 'rollout.abortWhen: there is no option "errorrate". Did you mean "errorRate"?'],
    [{ metric: { name: 'mae', worse: 1 } }, 'rollout.abortWhen.metric: there is no option "worse".'],
  ])('have no other field, as in %j', (guards, message) => {
    expect(check(guards)).toThrow(expect.objectContaining({ code: 'USER_OPTION_UNKNOWN' }));
    expect(check(guards)).toThrow(message);
  });
});
