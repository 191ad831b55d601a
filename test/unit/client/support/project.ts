import { z } from 'zod';
import {
  approval,
  artifact,
  candidate,
  fanOut,
  gate,
  model,
  pipeline,
  signal,
  sleep,
  step,
} from '../../../../workflows/sdk/index.js';

/** A small project with everything a client meets. */

export const makeTable = step('table.make', {
  input: z.object({ rows: z.int() }),
  output: z.object({ table: artifact() }),
});
export const fit = step('fit', {
  input: z.object({ table: artifact(), depth: z.int() }),
  output: z.object({ model: artifact(), accuracy: z.number() }),
});
export const slow = step('slow', { input: z.object({ beats: z.int() }), output: z.object({ beats: z.int() }) });
export const flaky = step('flaky', { retry: { attempts: 3, firstDelay: '10ms' } });
export const broken = step('broken');

export const onGpu = step('on-gpu', { queue: 'gpu' });

export const elsewhere = pipeline('elsewhere', {}, async () => {
  await onGpu();
  return 'done';
});

export const train = pipeline(
  'train',
  { input: z.object({ rows: z.int(), at: z.iso.date().optional() }) },
  async ({ rows }) => {
    const { table } = await makeTable({ rows });
    const trials = await fanOut([{ depth: 1 }, { depth: 2 }], fit, { with: { table } });
    const best = Math.max(...trials.map((trial) => trial.accuracy));
    gate('accurate enough', best > 0.5, { best });
    return candidate({ model: trials[0]?.model ?? table, metrics: { accuracy: best } });
  },
);

export const gated = pipeline('gated', { input: z.object({ value: z.number() }) }, async ({ value }) => {
  gate('value is positive', value > 0, { value });
  return { value };
});

export const released = signal('released', z.object({ by: z.string() }));

export const shipping = pipeline('shipping', {}, async () => {
  const answer = await approval('ship?', { facts: { accuracy: 0.9 } });
  const { by } = (await released.next()) ?? { by: 'nobody' };
  return { approved: answer.approved, by };
});

export const working = pipeline('working', { input: z.object({ beats: z.int() }) }, async ({ beats }) => {
  await flaky();
  return slow({ beats });
});

export const failing = pipeline('failing', {}, async () => {
  await broken();
  return null;
});

export const sleeping = pipeline('sleeping', {}, async () => {
  await sleep('1 hour');
  return null;
});

export const classifier = model('classifier', { pipeline: train, promotion: 'manual', serve: false });
