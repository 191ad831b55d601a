import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { model, pipeline, project, step, type WindowFunction } from '../../../../workflows/sdk/index.js';
import { checkOptions, nearestName } from '../../../../workflows/sdk/options.js';

const code = (name: string) => expect.objectContaining({ code: name }) as unknown as Error;
const thrown = (run: () => unknown): Error & { code?: string } => {
  try {
    run();
  } catch (error) {
    return error as Error & { code?: string };
  }
  throw new Error('nothing was thrown');
};

describe('an unknown option', () => {
  it('is refused with the nearest name, also for a missing suffix', () => {
    const error = thrown(() => checkOptions('schedule', { start: 1 }, ['startDate', 'endDate', 'every']));
    expect(error.code).toBe('USER_OPTION_UNKNOWN');
    expect(error.message).toContain('Did you mean "startDate"?');
  });

  it.each([
    ['timout', 'timeout'],
    ['heartbeats', 'heartbeat'],
    ['retries', 'retry'],
    ['caching', 'cache'],
    ['que', 'queue'],
    ['desc', 'description'],
  ])('%s of a step suggests %s', (given, meant) => {
    const error = thrown(() => step('some.step', { [given]: 1 }));
    expect(error.code).toBe('USER_OPTION_UNKNOWN');
    expect(error.message).toContain(`Did you mean "${meant}"?`);
  });

  it('far from every name lists what there is', () => {
    expect(nearestName('zzzzzz', ['queue', 'cache'])).toBeUndefined();
    expect(thrown(() => step('some.step', { zzzzzzzz: 1 } as object)).message).toContain('The options are: input,');
  });

  it('inside retry, cache, defaults and promotion is refused too', () => {
    const train = pipeline('options.train', {}, () => Promise.resolve(null));
    expect(() => step('s', { retry: { attemps: 2 } as object })).toThrow(code('USER_OPTION_UNKNOWN'));
    expect(() => step('s', { cache: { versoin: '2' } as object })).toThrow(code('USER_OPTION_UNKNOWN'));
    const defaults = { timout: '1s' } as object;
    expect(() => pipeline('p', { defaults }, () => Promise.resolve(1))).toThrow(code('USER_OPTION_UNKNOWN'));
    const promotion = { metrik: 'accuracy' } as unknown as 'manual';
    expect(() => model('m', { pipeline: train, promotion })).toThrow(code('USER_OPTION_UNKNOWN'));
    expect(() => project({ pipelines: [], model: [] } as never)).toThrow(code('USER_OPTION_UNKNOWN'));
  });
});

describe('an option of a later version', () => {
  it('is refused with what to do instead', () => {
    const error = thrown(() => pipeline('p', { schedule: '1d' } as never, () => Promise.resolve(1)));
    expect(error.code).toBe('USER_NOT_SUPPORTED_YET');
    expect(error.message).toContain('Declare it beside the pipeline');
  });
});

describe('options that are no object', () => {
  it.each([[null], [[]], ['text'], [3]])('%j is refused', (options) => {
    expect(() => step('s', options as never)).toThrow(code('USER_OPTION_INVALID'));
  });
});

describe('a name', () => {
  const named = pipeline('options.named', {}, () => Promise.resolve(null));

  it.each(['a', 'iris.fit', 'A-b_c.9', 'x'.repeat(200)])('%s is taken', (name) => {
    expect(step(name).name).toBe(name);
  });

  it.each([
    '',
    '9lives',
    'a b',
    'ü',
    'a/b',
    '..',
    '../a',
    'a\nb',
    '$(a)',
    'a;b',
    "a'b",
    'a\0b',
    'x'.repeat(201),
    'evertrain.step',
    '.x',
    undefined,
    null,
    7,
  ])('%s is refused', (name) => {
    expect(() => step(name as string)).toThrow(code('USER_NAME_INVALID'));
    expect(() => pipeline(name as string, {}, () => Promise.resolve(null))).toThrow(code('USER_NAME_INVALID'));
    expect(() => model(name as string, { pipeline: named })).toThrow(code('USER_NAME_INVALID'));
  });
});

describe('a model', () => {
  const train = pipeline('options.model', {}, () => Promise.resolve(null));
  const data = { toInput: () => null, retrainWhen: { batches: 1 } };

  it('has a window function beside its policy, which says that there is one', () => {
    const window: WindowFunction = (batches) => batches;
    const made = model('m', { pipeline: train, retention: { versions: 3 }, data: { ...data, window } });
    expect(made.policy).toMatchObject({ window: 'custom', retention: { versions: 3 } });
    expect(made.data?.choose).toBe(window);
    expect(model('m', { pipeline: train, data: { ...data, window: 'all' } }).data?.choose).toBeUndefined();
  });

  it.each([
    [{ data: { ...data, window: 'custom' } }, /data.window is 'custom', and there is no function/],
    [{ data: { ...data, window: 7 } }, /data.window is 7/],
    [{ retention: { versions: 0 } }, /retention.versions is 0/],
    [{ retention: { versions: 51 } }, /retention.versions is 51/],
    [{ retention: { days: 3 } }, /no option "days"/],
    [{ retention: 3 }, /retention: the options are 3/],
  ])('is refused with %j', (options, message) => {
    expect(() => model('m', { pipeline: train, ...options } as never)).toThrow(message);
  });
});

describe('a project', () => {
  it('refuses two pipelines of one name', () => {
    const make = () => pipeline('options.twice', {}, () => Promise.resolve(null));
    expect(() => project({ pipelines: [make(), make()] })).toThrow(code('USER_NAME_DUPLICATE'));
  });

  it('takes 50 pipelines that were generated from a list and share a step', () => {
    const fit = step('options.fit', {
      input: z.object({ region: z.string() }),
      output: z.object({ score: z.number() }),
    });
    const regions = Array.from({ length: 50 }, (_, index) => `region-${index}`);
    const generated = regions.map((region) =>
      pipeline(`options.${region}`, { tags: [region] }, async () => (await fit({ region })).score),
    );
    const { pipelines } = project({ pipelines: generated });
    expect(pipelines.map(({ name }) => name)).toEqual(regions.map((region) => `options.${region}`));
    expect(pipelines[49]?.tags).toEqual(['region-49']);
  });
});
