import { z } from 'zod';
import { candidate, categorical, float, gate, int, pipeline, search, tpe } from '../../sdk/index.js';
import { clean, ingest, type Rule, scoreNumbers, split, toOnnx, validate } from '../tabular/contracts.js';
import { fit, trial } from './contracts.js';

const DiamondsInput = z.object({
  source: z.string().default('data/diamonds.parquet'),
  /** Takes the first so many rows only. */
  limit: z.int().positive().optional(),
  testShare: z.number().gt(0).lt(1).default(0.25),
  /** How many regressions the search tries. */
  trials: z.int().min(1).max(500).default(8),
});

/** Grades from worst to best. */
const grades = {
  cut: ['Fair', 'Good', 'Very Good', 'Premium', 'Ideal'],
  color: ['J', 'I', 'H', 'G', 'F', 'E', 'D'],
  clarity: ['I1', 'SI2', 'SI1', 'VS2', 'VS1', 'VVS2', 'VVS1', 'IF'],
};
/** A side in mm. */
const side: Rule = { type: 'number', range: [1, 15] };
const traits = {
  carat: { type: 'number', range: [0.1, 10] },
  cut: { type: 'text', values: grades.cut },
  color: { type: 'text', values: grades.color },
  clarity: { type: 'text', values: grades.clarity },
  depth: { type: 'number', range: [40, 80] },
  table: { type: 'number', range: [40, 100] },
  x: side,
  y: side,
  z: side,
} satisfies Record<string, Rule>;
const columns: Record<string, Rule> = { ...traits, price: { type: 'number', range: [100, 50_000] } };

const boosting = { when: { algorithm: 'gradient_boosting' } } as const;
const regressions = {
  algorithm: categorical(['gradient_boosting', 'forest']),
  min_samples_leaf: int(5, 50, { log: true }),
  learning_rate: float(0.02, 0.5, { log: true, ...boosting }),
  max_leaf_nodes: int(8, 128, { log: true, ...boosting }),
  max_features: float(0.3, 1, { when: { algorithm: 'forest' } }),
};
/** What scikit-learn begins with. */
const usual = { algorithm: 'gradient_boosting', min_samples_leaf: 20, learning_rate: 0.1, max_leaf_nodes: 31 } as const;

/** Searches for a regression of what a diamond costs, and proposes the best, fitted to 40,000 of 54,000 sold ones. */
export const trainDiamonds = pipeline(
  'diamonds',
  { input: DiamondsInput, description: 'price diamonds by weight, grades and size', tags: ['regression'] },
  async ({ source, limit, testShare, trials }) => {
    const raw = await ingest({ source, ...(limit === undefined ? {} : { limit }) });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.missingRatio < 0.01 && facts.rows >= 1000, facts);
    gate('most rows are plausible', facts.outOfRange < 0.005 * facts.rows, { outOfRange: facts.outOfRange });

    const usable = await clean({ table: raw.table, columns, complete: Object.keys(columns) });
    const { train, test } = await split({ table: usable.table, testShare, key: Object.keys(traits) });
    const task = { train, target: 'price', categories: grades };
    const { best, artifact: study } = await search({
      name: 'regressions',
      space: regressions,
      trials,
      minimize: 'rmse',
      // One after the other, each proposed with the results of all before: so equal inputs lead to equal models.
      sampler: tpe({ startup: 4 }),
      guesses: [usual],
      trial,
      with: task,
    });
    const { model } = await fit({ ...task, params: best.params });

    const { metrics, baseline, perRow } = await scoreNumbers({ model, data: test });
    gate('error is at most a third of that of the mean price', metrics.rmse <= baseline / 3, { ...metrics, baseline });

    const served = await toOnnx({ model, data: test });
    return candidate({
      model: served.model,
      trained: model,
      heldOut: test,
      metrics,
      parameters: { ...best.params, trials, testShare, dropped: usable.dropped },
      lineage: { raw: raw.table, train, test, perRow, study },
      golden: served.golden,
    });
  },
);
