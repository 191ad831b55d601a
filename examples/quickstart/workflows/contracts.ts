import { artifact, step } from 'evertrain';
import { z } from 'zod';

/** Contracts are data: name, schemas and policy. Pipelines call them, activities/index.ts says what does the work. */

export const ingest = step('flowers.ingest', {
  description: 'read the table, and hold out every fourth row or so by its hash',
  input: z.object({ source: z.string() }),
  output: z.object({ train: artifact(), heldOut: artifact(), rows: z.int() }),
});

export const fit = step('flowers.fit', {
  description: 'fit a forest and export it as ONNX',
  input: z.object({ train: artifact(), depth: z.int().positive() }),
  output: z.object({
    model: artifact(),
    /** The forest itself, for `evaluate`. */
    trained: artifact(),
    accuracy: z.number(),
    golden: z.object({ request: z.unknown(), response: z.unknown(), tolerance: z.number() }),
  }),
  timeout: '1 hour',
  retry: { attempts: 3 },
});

/** Of any version on any rows: how the model compares a new one with its champion. */
export const evaluate = step('flowers.evaluate', {
  description: 'score on held-out rows',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({ metrics: z.object({ accuracy: z.number() }), perRow: artifact() }),
});
