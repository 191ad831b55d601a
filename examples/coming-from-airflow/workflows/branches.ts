import { pipeline } from 'evertrain';
import { z } from 'zod';
import { bills, bodies, clean, evaluate, join, train } from './contracts.js';

// two branches side by side, then one training on both
export const branches = pipeline('branches', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const { table } = await clean({ source });
  const [left, right] = await Promise.all([bills({ table }), bodies({ table })]);
  const joined = await join({ left: left.table, right: right.table });
  const { model } = await train({ table: joined.table });
  return evaluate({ table: joined.table, model });
});
