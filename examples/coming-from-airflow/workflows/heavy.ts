import { pipeline } from 'evertrain';
import { z } from 'zod';
import { clean, evaluate, extract, trainLong } from './contracts.js';

// hours of work: a process of its own, a machine that has room for it, and a checkpoint each epoch
export const heavy = pipeline('heavy', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const cleaned = await clean({ source });
  const { table } = await extract({ table: cleaned.table });
  const { model } = await trainLong({ table, epochs: 5 });
  return evaluate({ table, model });
});
