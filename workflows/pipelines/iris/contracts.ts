import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';
import { classScoring, exporting, splitting } from '../tabular/contracts.js';

export const Algorithm = z.enum(['random_forest', 'gradient_boosting', 'logistic_regression']);

export const split = step('iris.split', splitting);

/** The fitted model is opaque: only the Python side of the pipelines opens it. */
export const fit = step('iris.fit', {
  description: 'fit one classifier, scored by cross-validation',
  input: z.object({ train: artifact(), algorithm: Algorithm, seed: z.int().nonnegative() }),
  output: z.object({ model: artifact(), algorithm: Algorithm, accuracy: z.number() }),
  timeout: '30m',
});

export const evaluate = step('iris.evaluate', classScoring);

export const toOnnx = step('iris.export', exporting);
