import { z } from 'zod';
import { approval, pipeline, step } from '../../workflows/sdk/index.js';

export const fiboPython = step('bench.fibo-python', {
  input: z.object({ n: z.int() }),
  output: z.object({ value: z.int() }),
});

export const pythonChain = pipeline(
  'bench.chain-python',
  { input: z.object({ steps: z.int() }) },
  async ({ steps }) => {
    let last = 0;
    for (let i = 0; i < steps; i++) last = (await fiboPython({ n: 10 })).value;
    return last;
  },
);

export const waits = pipeline('bench.waits', {}, async () => (await approval('go on?')).approved);

/** A training that leaves a line in the file for each epoch that it begins: epoch and clock. */
export const epochs = step('bench.epochs', {
  input: z.object({ file: z.string(), epochs: z.int(), seconds: z.number() }),
  output: z.object({ from: z.int() }),
});

export const training = pipeline(
  'bench.training',
  { input: z.object({ file: z.string(), epochs: z.int(), seconds: z.number() }) },
  async (order) => epochs(order),
);
