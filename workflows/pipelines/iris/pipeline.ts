import { z } from 'zod';
import { asha, candidate, float, gate, int, pipeline, search } from '../../sdk/index.js';
import { ingest, type Rule, validate } from '../tabular/contracts.js';
import { evaluate, split, toOnnx, train } from './contracts.js';

const IrisInput = z.object({
  source: z.string().default('data/iris.csv'),
  testShare: z.number().gt(0).lt(1).default(0.3),
  /** How many networks the search begins with. */
  trials: z.int().min(1).max(500).default(9),
  /** Of the search's draws. */
  seed: z.int().nonnegative().default(0),
});

const centimetres: Rule = { type: 'number', range: [0, 20] };
const measures = {
  sepal_length: centimetres,
  sepal_width: centimetres,
  petal_length: centimetres,
  petal_width: centimetres,
};
const columns = {
  ...measures,
  species: { type: 'text' as const },
} satisfies Record<string, Rule>;

const networks = {
  learning_rate: float(0.001, 0.2, { log: true }),
  hidden_units: int(4, 32, { log: true }),
  weight_decay: float(1e-5, 0.3, { log: true }),
};

/** Searches for a small network that tells Fisher's irises apart, and proposes the best one. It never deploys. */
export const trainIris = pipeline(
  'iris',
  { input: IrisInput, description: 'classify iris flowers by four measures', tags: ['classification'] },
  async ({ source, testShare, trials, seed }) => {
    const raw = await ingest({ source });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.missingRatio < 0.05 && facts.rows >= 100, facts);
    gate('measures are plausible', facts.outOfRange === 0, { outOfRange: facts.outOfRange });

    const rows = await split({ table: raw.table, testShare, key: Object.keys(measures) });
    const { best, artifact: study } = await search({
      name: 'networks',
      space: networks,
      trials,
      atMost: 2,
      minimize: 'loss',
      // Two epochs for each, six for the best third of them, 18 for the best of those.
      scheduler: asha({ min: 2, max: 18, eta: 3 }),
      seed,
      trial: train,
      with: { train: rows.train },
    });

    const { model } = best.output;
    const score = await evaluate({ model, data: rows.test });
    gate('accuracy is at least 0.9', score.metrics.accuracy >= 0.9, score.metrics);

    const served = await toOnnx({ model, data: rows.test });
    return candidate({
      model: served.model,
      trained: model,
      heldOut: rows.test,
      metrics: score.metrics,
      parameters: { ...best.params, epochs: best.budget, trials, seed, testShare },
      lineage: { table: raw.table, train: rows.train, test: rows.test, perRow: score.perRow, study },
      golden: served.golden,
    });
  },
);
