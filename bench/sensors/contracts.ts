import { z } from 'zod';
import {
  candidate,
  kafkaTopic,
  model,
  objectCreated,
  objectExists,
  on,
  pipeline,
  sensor,
  step,
} from '../../workflows/sdk/index.js';

const Order = z.object({ receiver: z.string(), id: z.string() });

/** Tells the receiver its own clock. */
export const tells = step('bench.sensors.tells', { input: Order, output: z.object({}) });

export const everyMs = 2_000;

export const polled = pipeline(
  'bench.polled',
  { input: Order.extend({ uri: z.string() }) },
  async ({ uri, ...order }) => {
    await sensor('arrival', objectExists(uri), { every: everyMs });
    return tells(order);
  },
);

const pushed = pipeline('bench.pushed', { input: Order }, (order) => tells(order));

const idle = pipeline('bench.idle', {}, () => Promise.resolve(candidate({ model: undefined as never, metrics: {} })));

/** They take data, and train on none of it here. */
export const fed = Array.from({ length: 100 }, (_, n) =>
  model(`bench.fed-${n}`, {
    pipeline: idle,
    serve: false,
    data: { toInput: () => ({}), retrainWhen: { batches: 5_000 } },
  }),
);

export const pipelines = [polled, pushed, idle];

/** `receiver` is that of this process: objects are named by the order. */
export const pushRule = (receiver: string) =>
  on(objectCreated('s3://evertrain/pushed/'), pushed, {
    toInput: ({ data: { uri } }) => ({ receiver, id: uri.split('/').at(-1) ?? '' }),
  });

const Message = z.object({ model: z.string(), uri: z.string() });

export const kafkaRule = (broker: string) =>
  on(kafkaTopic('bench', { brokers: [broker], schema: Message }), fed, {
    model: ({ data }) => data.model,
    toBatch: ({ data: { uri } }) => ({ uri, rows: 1 }),
  });
