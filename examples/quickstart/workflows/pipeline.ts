import { candidate, fanOut, gate, pipeline } from 'evertrain';
import { z } from 'zod';
import { evaluate, fit, ingest } from './contracts.js';

const Input = z.strictObject({
  source: z.string().default('data/flowers.csv'),
  depths: z.array(z.int().positive()).min(1).default([1, 3, 6]),
});

/** Plain code: `await`, `if` and loops are the graph. It must be deterministic; all else belongs into steps. */
export const trainFlowers = pipeline('flowers', { input: Input }, async ({ source, depths }) => {
  const { train, heldOut, rows } = await ingest({ source });
  gate('enough rows', rows >= 100, { rows });
  const fitted = await fanOut(
    depths.map((depth) => ({ depth })),
    fit,
    { with: { train } },
  );
  const best = fitted.reduce((leader, next) => (next.accuracy > leader.accuracy ? next : leader));
  const { metrics } = await evaluate({ model: best.trained, data: heldOut });
  gate('accuracy is at least 0.9', metrics.accuracy >= 0.9, metrics);
  return candidate({ model: best.model, trained: best.trained, heldOut, metrics, golden: best.golden });
});
