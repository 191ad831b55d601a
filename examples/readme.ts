import { approval, artifact, candidate, fanOut, gate, model, pipeline, step } from 'evertrain';
import { implement, implementPython } from 'evertrain/activities';
import { connect } from 'evertrain/client';
import { z } from 'zod';

// contracts: names, schemas and policy; safe to import anywhere
export const ingest = step('iris.ingest', {
  input: z.object({ source: z.string() }),
  output: z.object({ table: artifact(), rows: z.int() }),
  cache: true,
});
export const fit = step('iris.fit', {
  input: z.object({ table: artifact(), depth: z.int() }),
  output: z.object({ model: artifact(), accuracy: z.number() }),
  queue: 'cpu',
  timeout: '2h',
  progressWithin: '2m',
  retry: { attempts: 5 },
});

// pipeline: plain await, if and loops are the graph
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

// activities: any Node code; Python is one line
export const activities = [
  implement(ingest, async ({ source }, { artifacts }) => ({ table: await artifacts.putFile(source), rows: 150 })),
  implementPython(fit, 'python/iris/fit.py:fit'),
];

// application code
const evertrain = await connect();
await evertrain.model(iris).train({ source: 'data/iris.csv' });
