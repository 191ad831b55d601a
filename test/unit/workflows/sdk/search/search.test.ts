import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  asha,
  categorical,
  EvertrainError,
  float,
  gate,
  grid,
  int,
  medianStop,
  nestedCrossValidation,
  nsga2,
  pipeline,
  population,
  quasiRandom,
  type SearchOptions,
  search,
  sleep,
  type Space,
  step,
  successiveHalving,
  cmaEs,
} from '../../../../../workflows/sdk/index.js';
import { currentPath, currentScope } from '../../../../../workflows/sdk/run-scope.js';
import { runPlain } from '../../../../support/run-plain.js';

const fit = step('toy.fit', {
  input: z.object({
    params: z.object({ x: z.number(), k: z.int().default(1) }),
    budget: z.int().default(9),
    data: z.string(),
  }),
  output: z.object({ accuracy: z.number(), loss: z.number(), model: z.string() }),
});

const blind = step('toy.blind', {
  input: z.object({ params: z.object({ x: z.number() }), data: z.string() }),
  output: z.object({ accuracy: z.number() }),
});

interface Call {
  readonly id: string;
  readonly params: { readonly x: number; readonly k: number };
  readonly budget: number;
}

/** Runs a study as plain calls; `answer` stands for the trial. */
async function study(
  options: Partial<SearchOptions<Space, never>> & { readonly with?: { readonly data: string } },
  answer: (call: Call) => unknown = ({ params, budget, id }) => ({
    accuracy: params.x * (1 - 1 / (budget + 1)),
    loss: params.k,
    model: id,
  }),
) {
  const calls: Call[] = [];
  const run = pipeline('toy', {}, () =>
    search({
      space: { x: float(0, 1), k: int(1, 5) },
      trials: 10,
      atMost: 3,
      maximize: 'accuracy' as never,
      trial: fit as never,
      with: { data: 'd' },
      ...options,
    } as never),
  );
  const steps = {
    'toy.fit': (input: Omit<Call, 'id'>, { id }: { id: string }) => {
      calls.push({ ...input, id });
      return answer({ ...input, id });
    },
  };
  const result = await runPlain(run, undefined, { steps } as never).catch((error: unknown) => error as Error);
  if (result instanceof Error) return { calls, error: result.message, found: undefined as never };
  if (result.outcome === 'rejected') return { calls, error: `gate ${result.gate}`, found: undefined as never };
  return { calls, error: undefined, found: result.output as Awaited<ReturnType<typeof search>> };
}

describe('search', () => {
  it('calls each trial once without a scheduler, and finds the best', async () => {
    const { calls, found } = await study({});
    expect(calls.map(({ id }) => id)).toEqual(Array.from({ length: 10 }, (_, n) => `search[${n}]/toy.fit`));
    const best = calls.reduce((one, next) => (next.params.x > one.params.x ? next : one));
    expect(found.best).toMatchObject({ params: best.params, output: { model: best.id }, state: 'completed' });
    expect(found.trials.map(({ value }) => value)).toEqual(
      found.trials.map(({ value }) => value).toSorted((a, b) => (b ?? 0) - (a ?? 0)),
    );
    expect(found.trials).toHaveLength(10);
  });

  it('minimizes, and keeps the front of several objectives', async () => {
    const { found } = await study(
      {
        maximize: 'accuracy' as never,
        minimize: 'loss' as never,
        sampler: quasiRandom(),
        trials: 30,
      },
      ({ params }) => ({ accuracy: params.x, loss: params.x * params.k, model: 'm' }),
    );
    for (const one of found.front) {
      const better = found.trials.filter(
        ({ values = [] }) => (values[0] as number) > one.values[0]! && (values[1] as number) <= one.values[1]!,
      );
      expect(better).toEqual([]);
    }
    expect(found.front.length).toBeGreaterThan(1);
    expect(found.best.value).toBe(Math.max(...found.trials.map(({ value }) => value as number)));
  });

  it('pauses trials at rungs, and goes on with the promoted ones under ids of their own', async () => {
    const { calls, found } = await study({
      trials: 9,
      scheduler: successiveHalving({ min: 1, max: 9, eta: 3 }),
      atMost: 9,
    });
    expect(calls.map(({ budget }) => budget)).toEqual([...Array(9).fill(1), 3, 3, 3, 9]);
    const promoted = calls.filter(({ budget }) => budget === 3).map(({ id }) => Number(/\[(\d+)\]@1\//.exec(id)?.[1]));
    const order = calls
      .slice(0, 9)
      .toSorted((a, b) => b.params.x - a.params.x)
      .map(({ id }) => Number(/\[(\d+)\]/.exec(id)?.[1]));
    expect(new Set(promoted)).toEqual(new Set(order.slice(0, 3)));
    expect(found.best).toMatchObject({ trial: order[0], budget: 9 });
    expect(found.trials.filter(({ state }) => state === 'paused')).toHaveLength(8);
  });

  it('population: the worst take over from the best, with parameters near theirs', async () => {
    const { calls, found } = await study({
      trials: 8,
      atMost: 8,
      scheduler: population({ interval: 1, max: 4, size: 8 }),
    });
    expect(calls).toHaveLength(32);
    expect(found.best.budget).toBe(4);
    const xs = (budget: number) => calls.filter((call) => call.budget === budget).map(({ params }) => params.x);
    expect(Math.min(...xs(4))).toBeGreaterThan(Math.min(...xs(1)));
  });

  it('tries guesses first, reuses the result of equal parameters, and ends with its grid', async () => {
    const { calls, found } = await study({
      space: { x: categorical([0.1, 0.2]), k: 3 } as never,
      trials: 100,
      sampler: grid(),
      guesses: [{ x: 0.2, k: 3 }] as never,
      atMost: 1,
    });
    expect(calls.map(({ params }) => params.x)).toEqual([0.2, 0.1]);
    expect(found.trials).toHaveLength(3);
    expect(found.best.trial).toBe(0);
  });

  it('counts failed trials as results, and fails when more do than it tolerates', async () => {
    const fails =
      (share: number) =>
      ({ params, id }: Call) => {
        if (Number(/\[(\d+)\]/.exec(id)?.[1]) < share * 10) throw Object.assign(new Error('boom'), {});
        return { accuracy: params.x, loss: 1, model: 'm' };
      };
    const asFailure = (answer: (call: Call) => unknown) => (call: Call) => {
      try {
        return answer(call);
      } catch {
        // What a worker makes of it.
        return { accuracy: 'none', loss: 1, model: 'm' };
      }
    };
    const { found } = await study({ tolerate: 0.2 }, asFailure(fails(0.2)));
    expect(found.trials.filter(({ state }) => state === 'failed')).toHaveLength(2);
    const { error, calls } = await study({ tolerate: 0.2 }, asFailure(fails(0.5)));
    expect(error).toMatch(
      /search "search" failed: 3 of 10 trials failed; trial 0: .*USER_OUTPUT_INVALID.*\[USER_STUDY_FAILED/s,
    );
    expect(calls.length).toBeLessThan(10);
    expect((await study({ tolerate: 1 }, asFailure(fails(1)))).error).toContain('no trial gave a value');
  });

  it('a gate inside of a function ends the run', async () => {
    const run = pipeline('toy', {}, () =>
      search({
        space: { x: float(0, 1) },
        trials: 5,
        maximize: 'score',
        trial: async ({ params }) => {
          gate('x is small', params.x < 0.3, params);
          return { score: params.x };
        },
      }),
    );
    expect(await runPlain(run, undefined)).toMatchObject({ outcome: 'rejected', gate: 'x is small' });
  });

  it('a pipeline is a trial; one that its gate rejects has failed', async () => {
    const inner = pipeline(
      'inner',
      { input: z.object({ params: z.object({ x: z.number() }) }) },
      async ({ params }) => {
        gate('x is small', params.x < 0.8);
        return { score: params.x };
      },
    );
    const run = pipeline('toy', {}, () =>
      search({ space: { x: float(0, 1) }, trials: 20, tolerate: 1, maximize: 'score', trial: inner }),
    );
    const result = await runPlain(run, undefined);
    if (result.outcome !== 'completed') throw new Error('rejected');
    expect(result.output.best.value).toBeLessThan(0.8);
    const failed = result.output.trials.filter(({ state }) => state === 'failed');
    expect(failed.length).toBeGreaterThan(0);
    for (const { params } of failed) expect(params.x).toBeGreaterThanOrEqual(0.8);
  });

  it('two studies of one name have ids of their own', async () => {
    const ids: string[] = [];
    const run = pipeline('toy', {}, async () => {
      const options = {
        space: { x: float(0, 1) },
        trials: 1,
        maximize: 'accuracy',
        trial: fit,
        with: { data: 'd' },
      } as const;
      await search(options as never);
      await search(options as never);
    });
    const answer = (_: unknown, { id }: { id: string }) => (ids.push(id), { accuracy: 1, loss: 1, model: 'm' });
    await runPlain(run, undefined, { steps: { 'toy.fit': answer } } as never);
    expect(ids).toEqual(['search[0]/toy.fit', 'search#2[0]/toy.fit']);
  });

  it('a trial that repeats one at work goes on from its checkpoint, where that one has failed', async () => {
    const calls: [string, readonly string[] | undefined][] = [];
    const run = pipeline('toy', {}, () =>
      search({
        space: { x: categorical([1]) },
        trials: 2,
        atMost: 2,
        maximize: 'score',
        tolerate: 0.5,
        scheduler: asha({ max: 3 }),
        trial: async ({ params, budget }) => {
          const { prefix, trial } = currentPath();
          calls.push([prefix, trial?.resumes.map((call) => call.prefix)]);
          await sleep('1s');
          if (prefix === 'search[0]@1/') throw new EvertrainError('USER_JOB_FAILED', 'It breaks.');
          return { score: params.x * budget };
        },
      }),
    );
    const result = await runPlain(run, undefined);
    expect(calls).toEqual([
      ['search[0]/', []],
      ['search[0]@1/', ['search[0]/']],
      ['search[1]@1/', ['search[0]/']],
    ]);
    expect(result).toMatchObject({ output: { best: { trial: 1, value: 3, output: { score: 3 } } } });
  });

  it('tolerates trials that fail, and not calls: members of a population go on from others', async () => {
    const { found } = await study(
      { trials: 4, atMost: 4, tolerate: 1, scheduler: population({ interval: 1, max: 9, size: 4 }) },
      ({ params, id }) => ({ accuracy: id.startsWith('search[3]') ? 'none' : params.x, loss: 1, model: id }),
    );
    expect(found.best.budget).toBe(9);
    expect(found.trials.find(({ trial }) => trial === 3)?.state).toBe('failed');
  });

  it('takes for a pipeline’s outcome only what a pipeline answers', async () => {
    const run = pipeline('toy', {}, () =>
      search({
        space: { x: float(0, 1) },
        trials: 2,
        maximize: 'score',
        trial: async ({ params }) => ({ outcome: 'completed', output: 'o', score: params.x }),
      }),
    );
    expect(await runPlain(run, undefined)).toMatchObject({ output: { best: { output: { output: 'o' } } } });
  });

  it('fails when its run has no room for a record, and does not wait for ever', async () => {
    const run = pipeline('toy', {}, () => {
      const { host } = currentScope('this test');
      let room = 3;
      host.record = () => {
        if (room-- === 0) throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', 'There is no room.');
      };
      return search({ space: { x: float(0, 1) }, trials: 9, maximize: 'x', trial: async ({ params }) => params });
    });
    await expect(runPlain(run, undefined)).rejects.toThrow('There is no room.');
  });

  it('a large study is a run of its own with the same result', async () => {
    const { calls, found } = await study({ trials: 501, atMost: 20, scheduler: asha({ min: 1, max: 9 }) });
    expect(calls.filter(({ budget }) => budget === 1)).toHaveLength(501);
    expect(found.trials).toHaveLength(500);
    expect(found.best.budget).toBe(9);
  });

  it('nested cross-validation scores each fold by a study that has not seen it', async () => {
    const folds = [1, 2, 3].map((fold) => ({ train: `train-${fold}`, test: fold }));
    const seen: string[] = [];
    const run = pipeline('toy', {}, () =>
      nestedCrossValidation({
        folds,
        search: ({ train }) =>
          search({
            space: { x: float(0, 1) },
            trials: 4,
            maximize: 'score',
            trial: async ({ params }) => (seen.push(train), { score: params.x }),
          }),
        score: async (best, { test }) => best.params.x * 0 + test,
      }),
    );
    const result = await runPlain(run, undefined);
    if (result.outcome !== 'completed') throw new Error('rejected');
    expect(result.output).toMatchObject({ mean: 2, standardDeviation: 1 });
    expect(result.output.folds.map(({ score }) => score)).toEqual([1, 2, 3]);
    expect(seen).toEqual(folds.flatMap(({ train }) => Array(4).fill(train)));
  });

  it.each<[string, object, string]>([
    ['no trials', { trials: 0 }, 'trials is 0'],
    ['half a trial', { trials: 1.5 }, 'trials is 1.5'],
    ['too many trials', { trials: 5001 }, 'from 1 to 5000'],
    [
      'a function with too many trials',
      { trials: 501, with: undefined, trial: async () => ({ accuracy: 1 }) },
      'a step takes more',
    ],
    ['atMost of 0', { atMost: 0 }, 'atMost is 0'],
    ['an unknown sampler', { sampler: { kind: 'magic' } }, 'no sampler {"kind":"magic"}'],
    ['an unknown scheduler', { scheduler: { kind: 'magic' } }, 'magic'],
    ['no objective', { maximize: undefined }, 'Name the number'],
    ['an objective that the output lacks', { maximize: 'acuracy' }, 'The trial’s output has accuracy, loss, model'],
    ['an objective named twice', { minimize: 'accuracy' }, 'named twice'],
    ['an empty space', { space: {} }, 'nothing in it varies'],
    ['an unknown option', { maximise: 'accuracy' }, 'Did you mean "maximize"'],
    ['a bad name', { name: 'a b' }, 'not a usable name'],
    ['a guess outside of the space', { guesses: [{ x: 2, k: 1 }] }, 'guesses[0]: x'],
    [
      'more guesses than trials',
      {
        trials: 1,
        guesses: [
          { x: 0, k: 1 },
          { x: 1, k: 1 },
        ],
      },
      'There are 2 for 1 trials',
    ],
    [
      'a budget bound beside a scheduler',
      { scheduler: asha({ max: 9 }), with: { data: 'd', budget: 3 } },
      'The budget is what asha gives',
    ],
    ['a budget that the step does not take', { trial: blind, scheduler: asha({ max: 9 }) }, 'gives a `budget`'],
    [
      'a function with too many calls',
      {
        scheduler: population({ interval: 1, max: 200, size: 10 }),
        with: undefined,
        trial: async () => ({ accuracy: 1 }),
      },
      '2000 calls of trials, and a function may have 1000',
    ],
    ['a reserve that does not fit', { budget: { compute: '1h', reserve: '2h' } }, 'no call could begin'],
    ['a share above 1', { tolerate: 2 }, 'tolerate is 2'],
    ['a trial that is none', { trial: 'fit' }, 'trial is "fit"'],
    ['a scheduler for two objectives', { minimize: 'loss', scheduler: asha({ max: 9 }) }, 'by one objective'],
    ['CMA-ES for two objectives', { minimize: 'loss', sampler: cmaEs() }, 'takes one objective'],
    [
      'a population of another size',
      { scheduler: population({ interval: 1, max: 3, size: 4 }) },
      'The study has 10 trials',
    ],
    ['median stop of a thousand', { trials: 1000, scheduler: medianStop() }, 'at most 500'],
    ['a budget without a limit', { budget: { onLimit: 'ask' } }, 'at least one of trials, time, compute and money'],
    ['compute without a reserve', { budget: { compute: '1h' } }, 'about how long one call'],
    ['money without a price', { budget: { money: 5, reserve: '1m' } }, 'what an hour on queue "evertrain" costs'],
    [
      'a warm start of another space',
      { warmStart: { trials: [{ trial: 0, state: 'completed', params: { z: 1 }, values: [1] }] } },
      'None of them is of this space',
    ],
    [
      'a warm start of another direction',
      { warmStart: { objectives: [{ metric: 'accuracy', direction: 'minimize' }], trials: [] } },
      'warmStart is "a study to minimize accuracy". Give one to maximize accuracy',
    ],
    [
      'a warm start of another metric',
      { warmStart: { objectives: [{ metric: 'loss', direction: 'maximize' }], trials: [] } },
      'warmStart is "a study to maximize loss"',
    ],
  ])('refuses %s before any trial', async (_, options, says) => {
    const { error, calls } = await study(options);
    expect(error).toContain(says);
    expect(calls).toEqual([]);
  });

  it('an answer without the objective ends it at once, with the fields that there are', async () => {
    const run = pipeline('toy', {}, () =>
      search({
        space: { x: float(0, 1) },
        trials: 5,
        maximize: 'score' as never,
        trial: async () => ({ skore: 1, b: 2 }),
      }),
    );
    await expect(runPlain(run, undefined)).rejects.toThrow('a trial answered no "score", but skore, b');
  });

  it('samplers of Optuna say in plain calls what is missing', async () => {
    expect((await study({ sampler: nsga2() })).error).toContain('Use a sampler that needs no Optuna');
  });
});
