import { z } from 'zod';
import { candidate, fanOut, gate, pipeline } from '../../sdk/index.js';
import { clean, fit, ingest, type Rule, scoreNumbers, split, toOnnx, validate } from '../tabular/contracts.js';

const Algorithm = z.enum(['gradient_boosting', 'forest', 'linear']);

const DiamondsInput = z.object({
  source: z.string().default('data/diamonds.parquet'),
  /** Takes the first so many rows only. */
  limit: z.int().positive().optional(),
  testShare: z.number().gt(0).lt(1).default(0.25),
  algorithms: z.array(Algorithm).min(1).default(['gradient_boosting', 'forest', 'linear']),
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

/** Trains regressions of what a diamond costs on 54,000 sold ones, and proposes the best. */
export const trainDiamonds = pipeline(
  'diamonds',
  { input: DiamondsInput, description: 'price diamonds by weight, grades and size', tags: ['regression'] },
  async ({ source, limit, testShare, algorithms }) => {
    const raw = await ingest({ source, ...(limit === undefined ? {} : { limit }) });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.missingRatio < 0.01 && facts.rows >= 1000, facts);
    gate('most rows are plausible', facts.outOfRange < 0.005 * facts.rows, { outOfRange: facts.outOfRange });

    const usable = await clean({ table: raw.table, columns, complete: Object.keys(columns) });
    const { train, test } = await split({ table: usable.table, testShare, key: Object.keys(traits) });
    const task = { train, target: 'price', task: 'regression' as const, categories: grades };
    const items = algorithms.map((algorithm) => ({ algorithm }));
    const fitted = await fanOut(items, fit, { with: task, name: 'candidates' });
    const best = fitted.reduce((leader, next) => (next.score > leader.score ? next : leader));

    const { metrics, baseline, perRow } = await scoreNumbers({ model: best.model, data: test });
    gate('error is at most a third of that of the mean price', metrics.rmse <= baseline / 3, { ...metrics, baseline });

    const served = await toOnnx({ model: best.model, data: test });
    return candidate({
      model: served.model,
      trained: best.model,
      heldOut: test,
      metrics,
      parameters: { algorithm: best.algorithm, testShare, dropped: usable.dropped },
      lineage: { raw: raw.table, train, test, perRow },
      golden: served.golden,
    });
  },
);
