import { z } from 'zod';
import { candidate, fanOut, gate, pipeline } from '../../sdk/index.js';
import { clean, fit, ingest, join, type Rule, scoreNumbers, split, toOnnx, validate } from '../tabular/contracts.js';

/** January to April 2011; what came after arrives in batches. */
export const firstMonths = 'data/bikes/2011-01-to-04.parquet';

const BikesInput = z.object({
  /** Tables of hours, which do not overlap. */
  sources: z.array(z.string()).min(1).default([firstMonths]),
  testShare: z.number().gt(0).lt(1).default(0.25),
});

const weather = ['clear', 'cloudy/misty', 'light rain/snow', 'heavy rain/snow'];
const flag: Rule = { type: 'number', range: [0, 1] };
/** A measure on the scale of its source, from 0 to 1. */
const scaled: Rule = { type: 'number', range: [0, 1] };
/** No month and no season: a model of January to April could not have learnt what July is. */
const features = {
  hr: { type: 'number', range: [0, 23] },
  holiday: flag,
  weekday: { type: 'number', range: [0, 6] },
  workingday: flag,
  weathersit: { type: 'text', values: weather },
  temp: scaled,
  atemp: scaled,
  hum: scaled,
  windspeed: scaled,
} satisfies Record<string, Rule>;
const columns: Record<string, Rule> = {
  day: { type: 'number', range: [1, 366] },
  ...features,
  bikers: { type: 'number', range: [0, 10_000] },
};

/** Predicts how many bikes are rented in an hour, from its time and weather, on all data that has arrived so far. */
export const trainBikes = pipeline(
  'bikes',
  { input: BikesInput, description: 'predict rented bikes by hour and weather', tags: ['regression'] },
  async ({ sources, testShare }) => {
    const read = await fanOut(
      sources.map((source) => ({ source })),
      ingest,
      { name: 'sources' },
    );
    const raw = await join({ tables: read.map(({ table }) => table) });
    const facts = await validate({ table: raw.table, columns });
    gate('data is usable', facts.wrongColumns.length === 0 && facts.missingRatio < 0.01 && facts.rows >= 500, facts);
    gate('most rows are plausible', facts.outOfRange < 0.005 * facts.rows, { outOfRange: facts.outOfRange });

    const usable = await clean({ table: raw.table, columns, complete: Object.keys(columns) });
    // Whole days are held out: the hour beside one that was trained on would be too easy.
    const { train, test, trainRows, testRows } = await split({ table: usable.table, testShare, key: ['day'] });
    const { model, algorithm } = await fit({
      train,
      target: 'bikers',
      features: Object.keys(features),
      task: 'regression',
      algorithm: 'gradient_boosting',
      categories: { weathersit: weather },
      group: 'day',
    });

    const { metrics, baseline, perRow } = await scoreNumbers({ model, data: test });
    gate('error is at most half of that of the mean count', metrics.rmse <= baseline / 2, { ...metrics, baseline });

    const served = await toOnnx({ model, data: test });
    return candidate({
      model: served.model,
      trained: model,
      heldOut: test,
      reference: raw.table,
      metrics,
      parameters: { algorithm, sources, testShare, trainRows, testRows, dropped: usable.dropped },
      lineage: { raw: raw.table, train, test, perRow },
      golden: served.golden,
    });
  },
);
