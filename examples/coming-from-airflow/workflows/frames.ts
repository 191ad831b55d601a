import { pipeline } from 'evertrain';
import { z } from 'zod';
import { squares, total } from './contracts.js';

// a million rows from one step to the next: an artifact, of which the history has the reference
export const frames = pipeline('frames', { input: z.object({ rows: z.int() }) }, async ({ rows }) => {
  const { table } = await squares({ rows });
  return total({ table });
});
