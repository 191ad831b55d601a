import { describe, expect, it } from 'vitest';
import { pipeline, step } from '../../../../workflows/sdk/index.js';
import {
  policyIn,
  type PolicyOptions,
  resolvePolicy,
  type StepPolicyOptions,
} from '../../../../workflows/sdk/policy.js';

describe('a policy', () => {
  it('comes out in milliseconds, with only what was set', () => {
    const options: PolicyOptions = {
      queue: 'gpu',
      timeout: '2h',
      heartbeat: '2s',
      progressWithin: '1 minute',
      retry: { attempts: 5, firstDelay: '100ms', backoff: 1.5, maxDelay: '10s', finalCodes: ['NO_LUCK'] },
      cache: { version: '2', maxAge: '1 day' },
      priority: 1,
    };
    expect(resolvePolicy('step "x"', options)).toEqual({
      queue: 'gpu',
      timeoutMs: 7_200_000,
      heartbeatMs: 2_000,
      progressWithinMs: 60_000,
      retry: { attempts: 5, firstDelayMs: 100, backoff: 1.5, maxDelayMs: 10_000, finalCodes: ['NO_LUCK'] },
      cache: { version: '2', maxAgeMs: 86_400_000 },
      priority: 1,
    });
    expect(resolvePolicy('step "x"', {})).toEqual({});
    expect(resolvePolicy('step "x"', { cache: true })).toEqual({ cache: {} });
    expect(resolvePolicy('step "x"', { cache: false })).toEqual({ cache: false });
  });

  it('stands on the step and on the defaults of a pipeline', () => {
    expect(step('policy.step', { timeout: '1m' }).policy).toEqual({ timeoutMs: 60_000 });
    const defaults = pipeline('policy.pipeline', { defaults: { queue: 'cpu' } }, () => Promise.resolve(null)).defaults;
    expect(defaults).toEqual({ queue: 'cpu' });
  });

  it.each<[string, PolicyOptions]>([
    ['no attempts', { retry: { attempts: 0 } }],
    ['endless attempts', { retry: { attempts: Number.POSITIVE_INFINITY } }],
    ['half an attempt', { retry: { attempts: 1.5 } }],
    ['a backoff below 1', { retry: { backoff: 0.5 } }],
    ['a backoff that is no number', { retry: { backoff: Number.NaN } }],
    ['a longest wait below the first', { retry: { firstDelay: '2s', maxDelay: '1s' } }],
    ['a queue with a blank', { queue: 'a b' }],
    ['an empty queue', { queue: '' }],
    ['a timeout of nothing', { timeout: 0 }],
    ['a heartbeat in no known unit', { heartbeat: '2 blinks' as '2s' }],
    ['a priority of 0', { priority: 0 as 1 }],
    ['a priority of 7', { priority: 7 as 1 }],
    ['half a priority', { priority: 1.5 as 1 }],
    ['a priority in words', { priority: 'high' as unknown as 1 }],
    ['a maxAge that is none', { cache: { maxAge: -1 } }],
  ])('refuses %s', (_, options) => {
    const invalid = expect.objectContaining({ code: 'USER_OPTION_INVALID' }) as unknown as Error;
    expect(() => resolvePolicy('step "x"', options)).toThrow(invalid);
  });
});

describe('a light step', () => {
  it('has its own policy, and retry and cache of the defaults', () => {
    const own = step('light.own', { light: true, timeout: '2s' }).policy;
    expect(own).toEqual({ light: true, timeoutMs: 2_000 });
    const defaults = resolvePolicy('defaults', {
      queue: 'gpu',
      timeout: '1h',
      heartbeat: '1s',
      progressWithin: '1s',
      retry: { attempts: 5 },
      cache: true,
    });
    expect(policyIn(defaults, own)).toEqual({ light: true, timeoutMs: 2_000, retry: { attempts: 5 }, cache: {} });
    expect(policyIn(defaults, step('light.cached', { light: true, cache: false }).policy)).toMatchObject({
      cache: false,
    });
  });

  it('is a normal one with light: false', () => {
    expect(step('light.not', { light: false, queue: 'gpu' }).policy).toEqual({ queue: 'gpu' });
  });

  it.each<[string, StepPolicyOptions]>([
    ['with a queue', { light: true, queue: 'gpu' }],
    ['with a heartbeat', { light: true, heartbeat: '2s' }],
    ['with progressWithin', { light: true, progressWithin: '2s' }],
    ['in a pool', { light: true, pool: 'gpus' }],
    ['with a priority', { light: true, priority: 1 }],
    ['with a timeout above 5 s', { light: true, timeout: '5001ms' }],
    ['that is no yes or no', { light: 'yes' as never }],
  ])('is refused %s', (_, options) => {
    const invalid = expect.objectContaining({ code: 'USER_OPTION_INVALID' }) as unknown as Error;
    expect(() => step('light.refused', options)).toThrow(invalid);
  });

  it('is no default of a pipeline', () => {
    const unknown = expect.objectContaining({ code: 'USER_OPTION_UNKNOWN', value: 'light' }) as unknown as Error;
    const declare = () => pipeline('light.all', { defaults: { light: true } as never }, () => Promise.resolve(null));
    expect(declare).toThrow(unknown);
  });
});
