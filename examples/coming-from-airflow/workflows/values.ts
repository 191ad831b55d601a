import { pipeline } from 'evertrain';
import { z } from 'zod';
import { clean, evaluateScaled, preprocess, trainScaled } from './contracts.js';

// several named values of one step, for two others: it answers an object
export const values = pipeline('values', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const { table } = await clean({ source });
  const { train, test, mean, scale } = await preprocess({ table });
  const { model } = await trainScaled({ table: train, mean, scale });
  return evaluateScaled({ table: test, mean, scale, model });
});
