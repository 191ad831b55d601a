import { z } from 'zod';
import { candidate, gate, pipeline } from '../../sdk/index.js';
import { clean, fit, impute, ingest, type Rule, scoreClasses, split, toOnnx, validate } from '../tabular/contracts.js';

const PenguinsInput = z.object({
  source: z.string().default('data/penguins-raw.csv'),
  /** What becomes of rows with gaps. */
  missing: z.enum(['impute', 'drop']).default('impute'),
  testShare: z.number().gt(0).lt(1).default(0.3),
});

const words = {
  island: ['Biscoe', 'Dream', 'Torgersen'],
  sex: ['FEMALE', 'MALE'],
};
const notes = {
  island: { type: 'text', values: words.island },
  culmen_length_mm: { type: 'number', range: [20, 80] },
  culmen_depth_mm: { type: 'number', range: [10, 30] },
  flipper_length_mm: { type: 'number', range: [100, 300] },
  body_mass_g: { type: 'number', range: [1000, 10_000] },
  sex: { type: 'text', values: words.sex },
} satisfies Record<string, Rule>;
const columns: Record<string, Rule> = { species: { type: 'text' }, ...notes };

/** Tells the species of a penguin, from notes of the field with their gaps and words. */
export const trainPenguins = pipeline(
  'penguins',
  { input: PenguinsInput, description: 'tell the species of penguins from raw notes', tags: ['classification'] },
  async ({ source, missing, testShare }) => {
    const raw = await ingest({ source, csv: { missing: ['NA'], plainNames: true } });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.outOfRange === 0 && facts.rows >= 100, facts);
    const mostGaps = Math.max(...Object.values(facts.missing));
    gate('no column has more gaps than values', mostGaps * 2 <= facts.rows, facts.missing);

    const complete = missing === 'drop' ? Object.keys(columns) : ['species'];
    const usable = await clean({ table: raw.table, columns, complete });
    const parts = await split({ table: usable.table, testShare, key: Object.keys(notes) });
    const { train, test, fills } =
      missing === 'impute'
        ? await impute({ train: parts.train, test: parts.test, target: 'species' })
        : { ...parts, fills: {} };

    const forest = { target: 'species', task: 'classification', algorithm: 'forest', categories: words } as const;
    const { model } = await fit({ train, ...forest });
    const { metrics, baseline, perRow } = await scoreClasses({ model, data: test });
    gate('errs at most a third as often as the most frequent species', 1 - metrics.accuracy <= (1 - baseline) / 3, {
      ...metrics,
      baseline,
    });

    const served = await toOnnx({ model, data: test });
    return candidate({
      model: served.model,
      trained: model,
      heldOut: test,
      metrics,
      parameters: { missing, fills, testShare, dropped: usable.dropped },
      lineage: { raw: raw.table, train, test, perRow },
      golden: served.golden,
    });
  },
);
