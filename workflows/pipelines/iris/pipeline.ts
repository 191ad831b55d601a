import { z } from 'zod';
import { candidate, fanOut, gate, pipeline } from '../../sdk/index.js';
import { ingest, type Rule, validate } from '../tabular/contracts.js';
import { Algorithm, evaluate, fit, split, toOnnx } from './contracts.js';

const IrisInput = z.object({
  source: z.string().default('data/iris.csv'),
  testShare: z.number().gt(0).lt(1).default(0.3),
  algorithms: z.array(Algorithm).min(1).default(['random_forest', 'gradient_boosting', 'logistic_regression']),
  seed: z.int().nonnegative().default(7),
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

/** Trains several classifiers on Fisher's iris data and proposes the best one. It never deploys. */
export const trainIris = pipeline(
  'iris',
  { input: IrisInput, description: 'classify iris flowers by four measures', tags: ['classification'] },
  async ({ source, testShare, algorithms, seed }) => {
    const raw = await ingest({ source });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.missingRatio < 0.05 && facts.rows >= 100, facts);
    gate('measures are plausible', facts.outOfRange === 0, { outOfRange: facts.outOfRange });

    const { train, test } = await split({ table: raw.table, testShare, key: Object.keys(measures) });
    const items = algorithms.map((algorithm) => ({ algorithm }));
    const fitted = await fanOut(items, fit, { with: { train, seed }, name: 'candidates' });
    const best = fitted.reduce((leader, next) => (next.accuracy > leader.accuracy ? next : leader));

    const score = await evaluate({ model: best.model, data: test });
    gate('accuracy is at least 0.9', score.metrics.accuracy >= 0.9, score.metrics);

    const served = await toOnnx({ model: best.model, data: test });
    return candidate({
      model: served.model,
      trained: best.model,
      heldOut: test,
      metrics: score.metrics,
      parameters: { algorithm: best.algorithm, seed, testShare },
      lineage: { table: raw.table, train, test, perRow: score.perRow },
      golden: served.golden,
    });
  },
);
