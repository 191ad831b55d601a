import { z } from 'zod';
import { artifact, candidate, model, pipeline, step } from '../../workflows/sdk/index.js';

const Order = z.object({ receiver: z.string(), id: z.string(), round: z.int() });
const Event = z.object({ id: z.string(), rows: z.int(), attributes: z.object({ receiver: z.string() }) });

/** Tells the receiver its own clock before anything else, then stores a model. */
export const first = step('bench.arrival.first', { input: Order, output: z.object({ model: artifact() }) });

export const retraining = pipeline('bench.retraining', { input: Order }, async (order) => {
  const { model: trained } = await first(order);
  return candidate({ model: trained, metrics: { round: order.round } });
});

/** The rows of the newest batch are the round, so each version is better than the one before. */
export const toInput = (batches: readonly unknown[]): z.infer<typeof Order> => {
  const { id, rows, attributes } = Event.parse(batches.at(-1));
  return { receiver: attributes.receiver, id, round: rows };
};
export const options = { pipeline: retraining, promotion: { metric: 'round' } } as const;

/** Stores a model to serve, and what its round was, by which it is scored. */
export const fit = step('bench.arrival.fit', {
  input: Order,
  output: z.object({ model: artifact(), trained: artifact() }),
});

/** The round of the version, for each row of the held-out data. */
export const score = step('bench.arrival.score', {
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({ metrics: z.record(z.string(), z.number()), perRow: artifact() }),
});

export const servedRetraining = pipeline('bench.served-retraining', { input: Order }, async (order) => {
  const { model: onnx, trained } = await fit(order);
  return candidate({ model: onnx, trained, heldOut: trained, metrics: { round: order.round } });
});

export const quick = model('bench.quick', { ...options, serve: false, data: { toInput, retrainWhen: { batches: 1 } } });

/** Challenger and champion are compared before it is promoted, as models usually are. */
export const served = model('bench.served', {
  pipeline: servedRetraining,
  evaluate: score,
  promotion: { metric: 'round' },
  data: { toInput, retrainWhen: { batches: 1 } },
});
