import { z } from 'zod';
import { artifact, fanOut, pipeline, step } from '../../workflows/sdk/index.js';
import { prepare, score } from '../search/contracts.js';

const depths = [4, 6, 8, 10, 12, 14, 16, 20];

/** Forests on digits, cross-validated, the best of which is chosen; each has some seconds of work. */
export const forests = pipeline(
  'bench.forests',
  { input: z.object({ digits: artifact(), count: z.int(), atMost: z.int() }) },
  async ({ digits, count, atMost }) => {
    const trials = depths.slice(0, count).map((max_depth) => ({
      digits,
      params: { n_estimators: 80, max_depth, max_features: 0.6, min_samples_leaf: 1 },
    }));
    const results = await fanOut(trials, score, { atMost });
    return { accuracy: Math.max(...results.map(({ accuracy }) => accuracy)) };
  },
);

export const digitsTable = pipeline('bench.digits', {}, async () => prepare());

export const shaky = step('bench.shaky', { input: z.object({ of: z.int() }), retry: { firstDelay: '100ms' } });

export const shakyOnce = step('bench.shaky-once', { input: z.object({ of: z.int() }), retry: { attempts: 1 } });

const Shaky = { input: z.object({ of: z.int(), retries: z.boolean() }) };

/** Five steps in a row, each of whose attempts may fail for a reason that passes. */
export const shakyRun = pipeline('bench.shaky-run', Shaky, async ({ of, retries }) => {
  for (let i = 0; i < 5; i++) await (retries ? shaky : shakyOnce)({ of });
});
