import { gate, objectExists, pipeline, sensor } from 'evertrain';
import { z } from 'zod';
import { minComplete, quality } from './contracts.js';
import { daily } from './daily.js';

// wait for a file, look at its quality, train again
export const arrivals = pipeline('arrivals', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  await sensor('new-file', objectExists(source), { every: '1s', timeout: '1 day' });
  const { rows, complete } = await quality({ source });
  gate('complete enough', complete >= (await minComplete()), { rows, complete });
  return daily({ source });
});
