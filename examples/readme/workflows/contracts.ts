import { artifact, step } from 'evertrain';
import { z } from 'zod';

// names, schemas and policy; safe to import anywhere
export const ingest = step('iris.ingest', {
  input: z.object({ source: z.string() }),
  output: z.object({ table: artifact(), rows: z.int() }),
  cache: true,
});
export const fit = step('iris.fit', {
  input: z.object({ table: artifact(), depth: z.int() }),
  output: z.object({ model: artifact(), accuracy: z.number() }),
  queue: 'cpu',
  timeout: '2h',
  progressWithin: '2m',
  retry: { attempts: 5 },
});
