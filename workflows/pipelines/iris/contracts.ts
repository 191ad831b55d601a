import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';
import { classScoring, exporting, splitting } from '../tabular/contracts.js';

export const split = step('iris.split', splitting);

/** A trial of a search: called again with a larger budget, it goes on from its checkpoint. */
export const train = step('iris.train', {
  description: 'train a small network to so many epochs, scored by cross-validation',
  input: z.object({
    train: artifact(),
    params: z.object({
      learning_rate: z.number().positive(),
      hidden_units: z.int().positive(),
      weight_decay: z.number().nonnegative(),
    }),
    /** Epochs, in all. */
    budget: z.int().positive(),
  }),
  output: z.object({
    /** Of the network that has learnt from all rows; opaque: only the Python side of the pipelines opens it. */
    model: artifact(),
    /** Cross-entropy, in nats. It tells apart what is equally accurate on 100 rows. */
    loss: z.number(),
    accuracy: z.number(),
  }),
  timeout: '30m',
  progressWithin: '5m',
});

export const evaluate = step('iris.evaluate', classScoring);

export const toOnnx = step('iris.export', exporting);
