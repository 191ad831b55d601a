import { describe, expect, it } from 'vitest';
import { type PoolOptions, pipeline, pool, project, step } from '../../../../../workflows/sdk/index.js';
import { defined } from '../../../../../workflows/sdk/registry.js';

const invalid = (message: RegExp) =>
  expect.objectContaining({
    code: 'USER_OPTION_INVALID',
    message: expect.stringMatching(message) as string,
  }) as unknown as Error;

/** What the other tests declared must not be in the way. */
function alone<T>(run: () => T): T {
  const kept = { steps: [...defined.steps], pools: [...defined.pools] };
  try {
    return run();
  } finally {
    defined.steps.splice(0, defined.steps.length, ...kept.steps);
    defined.pools.splice(0, defined.pools.length, ...kept.pools);
  }
}

describe('a pool', () => {
  it.each<[string, PoolOptions, RegExp]>([
    ['no places', { limit: 0 }, /limit is 0/],
    ['NaN places', { limit: Number.NaN }, /limit is/],
    ['half a place', { limit: 1.5 }, /limit is 1.5/],
    ['no limit', {} as PoolOptions, /limit is undefined/],
    ['none for a pipeline', { limit: 2, perPipeline: 0 }, /perPipeline is 0/],
    ['none for a run', { limit: 2, perRun: -1 }, /perRun is -1/],
    ['checks at no time', { limit: 2, checkEvery: 0 }, /checkEvery/],
  ])('of %s is refused', (_, options, message) => {
    expect(() => pool('refused', options)).toThrow(invalid(message));
  });

  it('stands in a policy by its name, and may be given as a value or by name', () => {
    alone(() => {
      const gpu = pool('pools.gpu', { limit: 2, perRun: 1 });
      expect(gpu.rules).toEqual({ limit: 2, perRun: 1, checkEveryMs: 30_000 });
      expect(step('pools.by-value', { pool: gpu }).policy).toEqual({ pool: 'pools.gpu' });
      expect(step('pools.by-name', { pool: 'pools.gpu' }).policy).toEqual({ pool: 'pools.gpu' });
      expect(() => project({ pipelines: [] })).not.toThrow();
    });
  });

  it('that nobody declared is refused when the project is loaded', () => {
    alone(() => {
      pool('pools.licences', { limit: 1 });
      step('pools.mistyped', { pool: 'pools.licence' });
      expect(() => project({ pipelines: [] })).toThrow(invalid(/step "pools.mistyped".*Did you mean "pools.licences"/));
    });
    const defaults = { pool: 'pools.none' };
    const lost = pipeline('pools.lost', { defaults }, () => Promise.resolve(null));
    expect(() => project({ pipelines: [lost] })).toThrow(invalid(/pipeline "pools.lost": defaults.*"pools.none"/));
  });

  it('has a name of its own', () => {
    alone(() => {
      pool('pools.twice', { limit: 1 });
      pool('pools.twice', { limit: 2 });
      const twice = expect.objectContaining({ code: 'USER_NAME_DUPLICATE' }) as unknown as Error;
      expect(() => project({ pipelines: [] })).toThrow(twice);
    });
  });
});
