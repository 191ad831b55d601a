import { z } from 'zod';
import { fanOut, pipeline, signal, step } from '../../workflows/sdk/index.js';

export const fibo = step('bench.fibo', { input: z.object({ n: z.int() }), output: z.object({ value: z.int() }) });

export const lightFibo = step('bench.fibo-light', {
  input: z.object({ n: z.int() }),
  output: z.object({ value: z.int() }),
  light: true,
});

export const lightChain = pipeline('bench.chain-light', { input: z.object({ steps: z.int() }) }, async ({ steps }) => {
  let last = 0;
  for (let i = 0; i < steps; i++) last = (await lightFibo({ n: 10 })).value;
  return last;
});

export const chain = pipeline('bench.chain', { input: z.object({ steps: z.int() }) }, async ({ steps }) => {
  let last = 0;
  for (let i = 0; i < steps; i++) last = (await fibo({ n: 10 })).value;
  return last;
});

export const wide = pipeline('bench.wide', { input: z.object({ items: z.int() }) }, async ({ items }) => {
  const results = await fanOut(
    Array.from({ length: items }, () => ({ n: 10 })),
    fibo,
  );
  return results.length;
});

export const lightWide = pipeline('bench.wide-light', { input: z.object({ items: z.int() }) }, async ({ items }) => {
  const results = await fanOut(
    Array.from({ length: items }, () => ({ n: 10 })),
    lightFibo,
  );
  return results.length;
});

const go = signal('go', z.object({ at: z.number() }));
export const stamp = step('bench.stamp', { input: z.object({ at: z.number() }), output: z.object({ ms: z.number() }) });

/** Answers each signal with one step, which says how long ago the signal was sent. */
export const reacts = pipeline('bench.reacts', { input: z.object({ signals: z.int() }) }, async ({ signals }) => {
  const latencies: number[] = [];
  for (let i = 0; i < signals; i++) {
    const received = await go.next();
    if (received !== undefined) latencies.push((await stamp(received)).ms);
  }
  return latencies;
});
