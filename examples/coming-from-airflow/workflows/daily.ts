import { pipeline, schedule } from 'evertrain';
import { z } from 'zod';
import { clean, evaluate, extract, train } from './contracts.js';

// clean → extract → train → evaluate, every day
export const daily = pipeline('daily', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const cleaned = await clean({ source });
  const { table } = await extract({ table: cleaned.table });
  const { model } = await train({ table });
  const { accuracy } = await evaluate({ table, model });
  return { accuracy };
});
export const everyDay = schedule(daily, '@daily', { input: { source: 'penguins-raw.csv' } });
