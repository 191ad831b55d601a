import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';

export const Algorithm = z.enum(['random_forest', 'gradient_boosting', 'logistic_regression']);

export const split = step('iris.split', {
  description: 'stratified split into training and held-out rows',
  input: z.object({ table: artifact(), testShare: z.number().gt(0).lt(1) }),
  output: z.object({ train: artifact(), test: artifact(), trainRows: z.int(), testRows: z.int() }),
  cache: true,
});

/** The fitted model is opaque: only the Python side of this pipeline opens it. */
export const fit = step('iris.fit', {
  description: 'fit one classifier, scored by cross-validation',
  input: z.object({ train: artifact(), algorithm: Algorithm, seed: z.int().nonnegative() }),
  output: z.object({ model: artifact(), algorithm: Algorithm, accuracy: z.number() }),
  timeout: '30m',
});

export const evaluate = step('iris.evaluate', {
  description: 'score on the held-out rows',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({
    metrics: z.object({ accuracy: z.number(), macroF1: z.number() }),
    labels: z.array(z.string()),
    /** Rows: what is true; columns: what was predicted. */
    confusion: z.array(z.array(z.int())),
    perRow: artifact(),
  }),
});

export const toOnnx = step('iris.export', {
  description: 'export as ONNX with a golden request',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({
    model: artifact(),
    golden: z.object({ request: z.unknown(), response: z.unknown(), tolerance: z.number() }),
  }),
});
