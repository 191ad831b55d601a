import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { partitionOf } from '../../../../../workflows/sdk/assets/publishes.js';
import { allNew, anyNew, asset, model, onAssets, pipeline, project, step } from '../../../../../workflows/sdk/index.js';

const a = asset('declared/a');
const daily = asset('declared/daily', { partitions: 'day' });
const keyed = asset('declared/keyed', { partitions: 'key' });
const without = pipeline('declared.without', {}, async () => undefined);
const withInput = pipeline('declared.with', { input: z.object({ n: z.number() }) }, async () => undefined);
const deaf = model('declared.deaf', { pipeline: without as never });
const fed = model('declared.fed', {
  pipeline: withInput as never,
  data: { toInput: () => ({ n: 1 }), retrainWhen: { batches: 1 } },
});
const toBatch = () => ({ rows: 1, uri: 'here' });

describe('what is declared of assets', () => {
  it.each<[what: string, code: string, declare: () => unknown]>([
    ['a name with a space', 'USER_NAME_INVALID', () => asset('a b')],
    ['an unknown option', 'USER_OPTION_UNKNOWN', () => asset('x', { freshwithin: '1h' } as never)],
    ['partitions of an unknown kind', 'USER_OPTION_INVALID', () => asset('x', { partitions: 'daily' as never })],
    ['a duration that is none', 'USER_OPTION_INVALID', () => asset('x', { freshWithin: 'soon' as never })],
    ['a step that publishes a name', 'USER_OPTION_INVALID', () => step('x', { publishes: 'a' as never })],
    ['a keyed asset without its key', 'USER_OPTION_INVALID', () => step('x', { publishes: keyed })],
    [
      'a key of an asset that is not cut',
      'USER_OPTION_INVALID',
      () => step('x', { publishes: { asset: a, partition: () => 'k' } }),
    ],
    ['a rule for no pipeline', 'USER_OPTION_INVALID', () => onAssets('x' as never, allNew([a]))],
    ['a rule for a model without data', 'USER_OPTION_INVALID', () => onAssets(deaf, anyNew([a]), { toBatch })],
    ['a rule for a model without toBatch', 'USER_OPTION_INVALID', () => onAssets(fed, anyNew([a]), {} as never)],
    [
      'toInput of a model',
      'USER_OPTION_UNKNOWN',
      () => onAssets(fed, anyNew([a]), { toBatch, toInput: toBatch } as never),
    ],
    [
      'a rule of a model that the project lacks',
      'USER_MODEL_UNKNOWN',
      () => project({ pipelines: [], rules: [onAssets(fed, anyNew([a]), { toBatch })] }),
    ],
    ['a rule on nothing', 'USER_OPTION_INVALID', () => onAssets(without, allNew([]))],
    ['a rule on a name', 'USER_OPTION_INVALID', () => onAssets(without, anyNew(['a' as never]))],
    ['an asset twice', 'USER_OPTION_INVALID', () => onAssets(without, anyNew([a, a]))],
    [
      'no toInput where the pipeline has an input',
      'USER_OPTION_INVALID',
      () => onAssets(withInput, allNew([a]), {} as never),
    ],
    [
      'partitioned over assets that are cut otherwise',
      'USER_OPTION_INVALID',
      () => onAssets(without, allNew([a, daily]), { partitioned: 'same' }),
    ],
    ['atMost without partitions', 'USER_OPTION_INVALID', () => onAssets(without, allNew([a]), { atMost: 2 })],
    ['a misspelt option', 'USER_OPTION_UNKNOWN', () => onAssets(without, allNew([a]), { onlyChange: true } as never)],
    [
      'a rule of a pipeline that the project lacks',
      'USER_PIPELINE_UNKNOWN',
      () => project({ pipelines: [], rules: [onAssets(without, allNew([a]))] }),
    ],
    [
      'two rules of a name',
      'USER_NAME_DUPLICATE',
      () => project({ pipelines: [without], rules: [onAssets(without, allNew([a])), onAssets(without, anyNew([a]))] }),
    ],
  ])('is refused with the remedy: %s', (_, code, declare) => {
    expect(declare).toThrowError(expect.objectContaining({ code, remedy: expect.any(String) as string }) as never);
  });

  it('has the partition of the start of the data, of the logical date, or as the step says', () => {
    const interval = { start: '2026-01-01T00:00:00.000Z', end: '2026-01-02T00:00:00.000Z' };
    const date = '2026-01-02T00:00:00.000Z';
    const of = (publishes: Parameters<typeof partitionOf>[1], planned?: object) =>
      partitionOf('s', publishes, { key: 'k' }, planned);
    expect(of({ asset: a })).toBe('');
    expect(of({ asset: daily }, { date, interval })).toBe('2026-01-01');
    expect(of({ asset: daily }, { date })).toBe('2026-01-02');
    expect(of({ asset: keyed, partition: ({ key }: { key: string }) => key })).toBe('k');
    expect(() => of({ asset: daily })).toThrowError(expect.objectContaining({ code: 'USER_OPTION_INVALID' }) as never);
    expect(() => of({ asset: keyed, partition: () => '' })).toThrowError('Answer 1 to 100 characters.');
  });
});
