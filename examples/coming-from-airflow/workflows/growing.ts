import { candidate, model, pipeline } from 'evertrain';
import { z } from 'zod';
import { clean, evaluate, extract, train } from './contracts.js';

const trainNewest = pipeline('growing', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const cleaned = await clean({ source });
  const { table } = await extract({ table: cleaned.table });
  const { model: trained } = await train({ table });
  const { accuracy } = await evaluate({ table, model: trained });
  return candidate({ model: trained, metrics: { accuracy } });
});
// trains when there is something to train on, and not when it is midnight
export const growing = model('growing', {
  pipeline: trainNewest,
  serve: false,
  promotion: { metric: 'accuracy' },
  data: { toInput: (batches) => ({ source: batches.at(-1)?.uri ?? '' }), retrainWhen: { rows: 300 } },
});
