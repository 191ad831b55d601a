import { approval, candidate, fanOut, gate, model, pipeline } from 'evertrain';
import { z } from 'zod';
import { fit, ingest } from './contracts.js';

// plain await, if and loops are the graph
export const trainIris = pipeline('iris', { input: z.object({ source: z.string() }) }, async ({ source }) => {
  const { table, rows } = await ingest({ source });
  gate('enough rows', rows >= 100, { rows });
  const fitted = await fanOut([{ depth: 3 }, { depth: 6 }, { depth: 9 }], fit, { with: { table } });
  const best = fitted.reduce((leader, next) => (next.accuracy > leader.accuracy ? next : leader));
  const answer = await approval('ship it?', { facts: { accuracy: best.accuracy }, within: '3 days' });
  gate('a person agreed', answer.approved);
  return candidate({ model: best.model, metrics: { accuracy: best.accuracy } });
});
export const iris = model('iris', { pipeline: trainIris, promotion: { metric: 'accuracy' } });
