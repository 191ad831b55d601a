import { z } from 'zod';
import { artifact, candidate, model, pipeline, step } from '../../workflows/sdk/index.js';

const waitingModels = 1_000;

const Order = z.object({ receiver: z.string(), id: z.string(), round: z.int() });
const Event = z.object({ id: z.string(), rows: z.int(), attributes: z.object({ receiver: z.string() }) });

/** Tells the receiver its own clock before anything else, then stores a model. */
export const first = step('bench.arrival.first', { input: Order, output: z.object({ model: artifact() }) });

export const retraining = pipeline('bench.retraining', { input: Order }, async (order) => {
  const { model: trained } = await first(order);
  return candidate({ model: trained, metrics: { round: order.round } });
});

/** The rows of the newest batch are the round, so each version is better than the one before. */
const toInput = (batches: readonly unknown[]): z.infer<typeof Order> => {
  const { id, rows, attributes } = Event.parse(batches.at(-1));
  return { receiver: attributes.receiver, id, round: rows };
};
const options = { pipeline: retraining, promotion: { metric: 'round' } } as const;

export const quick = model('bench.quick', { ...options, serve: false, data: { toInput, retrainWhen: { batches: 1 } } });

export const served = model('bench.served', { ...options, data: { toInput, retrainWhen: { batches: 1 } } });

/** The first batch waits, the second wakes. */
export const waiting = Array.from({ length: waitingModels }, (_, n) =>
  model(`bench.waiting-${n}`, { ...options, serve: false, data: { toInput, retrainWhen: { batches: 2 } } }),
);
