import { model } from '../../../workflows/sdk/index.js';
import { options, toInput } from '../contracts.js';

/** The first batch waits, the second wakes. */
export const waiting = Array.from({ length: 1_000 }, (_, n) =>
  model(`bench.waiting-${n}`, { ...options, serve: false, data: { toInput, retrainWhen: { batches: 2 } } }),
);
