import { artifact, step } from 'evertrain';
import { z } from 'zod';

/** Contracts are data: name, schemas and policy. Pipelines call them, activities/index.ts says what does the work. */

export const ingest = step('flowers.ingest', {
  description: 'read the table',
  input: z.object({ source: z.string() }),
  output: z.object({ table: artifact(), rows: z.int() }),
});

export const fit = step('flowers.fit', {
  description: 'fit a forest and export it as ONNX',
  input: z.object({ table: artifact(), depth: z.int().positive() }),
  output: z.object({
    model: artifact(),
    accuracy: z.number(),
    golden: z.object({ request: z.unknown(), response: z.unknown(), tolerance: z.number() }),
  }),
  timeout: '1 hour',
  retry: { attempts: 3 },
});
