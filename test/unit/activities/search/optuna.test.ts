import { beforeAll, describe, expect, it } from 'vitest';
import type { Optuna } from '../../../../activities/search/optuna.js';
import type { Space } from '../../../../workflows/sdk/search/space.js';
import type { OptunaSampler } from '../../../../workflows/sdk/search/suggest.js';
import { type DirectCase, type DirectTrial, directOptuna } from '../../../support/direct-optuna.js';
import { killOptuna, OptunaSetting } from '../../../support/optuna-setting.js';
import { drawTimes, parallelStudy } from '../../../support/parallel-study.js';
import { SampledStudy } from '../../../support/sampled-study.js';

const unit = { kind: 'float', min: 0, max: 1 } as const;
const spaces: Record<string, Space> = {
  branin: { a: unit, b: unit },
  two: { a: unit, b: unit },
  hartmann6: { u: unit, v: unit, w: unit, x: unit, y: unit, z: unit },
  tree: {
    rate: { kind: 'float', min: 1e-4, max: 1, log: true },
    share: { kind: 'float', min: 0, max: 1, step: 0.125 },
    model: { kind: 'categorical', values: ['forest', 'net', 3, true] },
    depth: { kind: 'int', min: 1, max: 64, log: true, when: { model: 'forest' } },
    layers: { kind: 'int', min: 1, max: 9, step: 2, when: { model: 'net' } },
    dropout: { kind: 'float', min: 0, max: 0.9, when: { model: ['net', 'forest'], layers: [3, 5] } },
  },
};
const samplers: Record<string, OptunaSampler> = {
  tpe: { kind: 'tpe' },
  'tpe-one-by-one': { kind: 'tpe', multivariate: false, startup: 5, constantLiar: false },
  'tpe-multivariate': { kind: 'tpe', multivariate: true },
  'tpe-groups': { kind: 'tpe', multivariate: true },
  'cma-es': { kind: 'cma-es' },
  nsga2: { kind: 'nsga2', population: 8 },
  gp: { kind: 'gp' },
};

const setting = new OptunaSetting();
const gp = setting.hasTorch ? ['gp'] : [];
/** Guesses, failures and pruned trials at all stages: before the sampler has begun to model, and after. */
const eventful: Partial<DirectCase> = {
  given: { 2: { rate: 0.01, share: 0.25, model: 'net', layers: 3, dropout: 0.5 }, 14: { rate: 1, share: 0, model: 3 } },
  failed: [3, 15],
  pruned: [5, 6, 12, 18, 19],
};
const cases: DirectCase[] = [
  ...['tpe', 'tpe-one-by-one', 'tpe-multivariate', 'cma-es', 'nsga2', ...gp].flatMap((sampler) => [
    { sampler, function: 'branin', directions: ['minimize' as const], seed: 1, trials: 30 },
    { sampler, function: 'hartmann6', directions: ['minimize' as const], seed: 4_294_967_295, trials: 30 },
  ]),
  ...['tpe', 'tpe-one-by-one', 'tpe-groups', 'cma-es', 'nsga2', ...gp].map((sampler) => {
    return { sampler, function: 'tree', directions: ['maximize' as const], seed: 7, trials: 26, ...eventful };
  }),
  ...['tpe', 'nsga2', ...gp].map((sampler) => {
    return {
      sampler,
      function: 'two',
      directions: ['minimize', 'maximize'] as const,
      seed: 0,
      trials: 26,
      pruned: [4],
    };
  }),
];
/**
 * Answers that come at once, and answers before which other trials have ended. NSGA-II is not among them: it suggests
 * points again, which a study does not compute again, so its trials end in another order.
 */
const parallelCases = ['tpe', 'tpe-one-by-one', 'tpe-multivariate', 'cma-es'].flatMap((sampler, seed) =>
  [0, 0.5].map((longestAsk) => ({
    ...{ sampler, function: 'branin', directions: ['minimize' as const], seed, trials: 30 },
    answered: longestAsk === 0 ? 'at once' : 'late',
    parallel: drawTimes(seed, 30, longestAsk),
  })),
);

let direct: DirectTrial[][];
let warm: Optuna;

beforeAll(() => {
  warm = setting.open();
  direct = directOptuna(setting.python, [...cases, ...parallelCases]);
}, 300_000);

function header({ sampler, function: name, directions, seed }: DirectCase) {
  const objectives = directions.map((direction, index) => ({ metric: `m${index}`, direction }));
  return { sampler: samplers[sampler] as OptunaSampler, objectives, space: spaces[name] as Space, seed };
}

function expected(one: DirectCase): DirectTrial[] {
  return direct[cases.indexOf(one)] as DirectTrial[];
}

/** One trial after the other, with the outcomes that Optuna had; what was suggested, by trial. */
async function follow(one: DirectCase, study: SampledStudy, before = (_trial: number) => Promise.resolve()) {
  const suggested: unknown[] = [];
  for (const [trial, { params, told }] of expected(one).entries()) {
    await before(trial);
    if (one.given?.[trial] === undefined) suggested.push((await study.ask(trial))[0]);
    else {
      study.events.push({ event: 'given', trial, params });
      suggested.push(params);
    }
    study.events.push({ event: 'told', trial, ...told } as (typeof study.events)[number]);
  }
  return suggested;
}

describe('sequential suggestions', () => {
  it.each(cases)('of $sampler for $function are those of Optuna itself, to the bit', async (one) => {
    const study = new SampledStudy((request) => warm.suggest(request), { study: JSON.stringify(one), ...header(one) });
    expect(await follow(one, study)).toEqual(expected(one).map(({ params }) => params));
    expect(study.colds).toBe(0);
  });

  it.each(cases.filter((one) => one.function === 'tree'))(
    'of $sampler stay the same when its process is killed, its answers get lost, and another worker takes over',
    async (one) => {
      let optuna = setting.open();
      const study = new SampledStudy((request) => optuna.suggest(request), { study: 'troubled', ...header(one) });
      const answer = () => study.askInVain(study.events.filter(({ event }) => event !== 'told').length);
      const suggested = await follow(one, study, async (trial) => {
        if (trial === 8) await killOptuna(optuna);
        if (trial === 11) expect(await answer()).toEqual(await answer());
        if (trial === 17) await answer().then(() => killOptuna(optuna, 'SIGSEGV'));
        if (trial === 21) {
          await answer();
          optuna = setting.open();
        }
      });
      expect(suggested).toEqual(expected(one).map(({ params }) => params));
      expect(setting.made).toEqual(['replayed', 'replayed', 'replayed']);
      expect(study.colds).toBe(3);
    },
  );

  it('differ with the seed', async () => {
    const first = async (seed: number) => {
      const study = { ...header(cases[0] as DirectCase), study: `seed ${seed}`, seed };
      return warm.suggest({ ...study, since: 0, events: [], trials: [0] });
    };
    expect(await first(1)).not.toEqual(await first(2));
  });
});

describe('a study with four trials at once', () => {
  it.each(parallelCases)(
    'suggests by $sampler what Optuna suggests in the same order of ends, when it is answered $answered',
    async (one) => {
      const trials = direct[cases.length + parallelCases.indexOf(one)] as DirectTrial[];
      const known = new Map(
        trials.map(({ params, told }) => [JSON.stringify(params), 'values' in told && told.values]),
      );
      const study = await parallelStudy({
        name: one.answered.replace(' ', '-'),
        space: spaces[one.function] as Space,
        sampler: samplers[one.sampler] as OptunaSampler,
        seed: one.seed,
        times: one.parallel,
        suggest: (request) => warm.suggest(request),
        value: (params) => {
          const values = known.get(JSON.stringify(params));
          return values ? Promise.resolve(values[0] as number) : Promise.reject(new Error('Optuna does not try these'));
        },
      });
      expect(study.map(({ params }) => params)).toEqual(trials.map(({ params }) => params));
    },
  );
});
