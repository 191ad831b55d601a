import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';

const task = {
  train: artifact(),
  target: z.string(),
  /** All words of each column of words, from worst to best. */
  categories: z.record(z.string(), z.array(z.string())),
  /** As scikit-learn names them; those of another algorithm are absent. */
  params: z.object({
    algorithm: z.enum(['gradient_boosting', 'forest']),
    min_samples_leaf: z.int().positive(),
    learning_rate: z.number().positive().optional(),
    max_leaf_nodes: z.int().min(2).optional(),
    max_features: z.number().gt(0).max(1).optional(),
  }),
};

/** Keeps no model: what is found is fitted to all rows afterwards, by `fit`. */
export const trial = step('diamonds.trial', {
  description: 'score one regression on a fifth of the training rows',
  input: z.object(task),
  output: z.object({ rmse: z.number() }),
  timeout: '30m',
});

/** The fitted model is opaque: only the Python side of the pipelines opens it. */
export const fit = step('diamonds.fit', {
  description: 'fit one regression to all training rows',
  input: z.object(task),
  output: z.object({ model: artifact() }),
  timeout: '30m',
});
