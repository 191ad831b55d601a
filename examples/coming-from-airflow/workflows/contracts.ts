import { artifact, connection, pool, step, variable } from 'evertrain';
import { z } from 'zod';

// tasks, connections, pools and variables: names and types, safe to import anywhere
export const lake = connection('lake', { kind: 'duckdb' });
export const minComplete = variable('min-complete', 0.9);
pool('lake', { limit: 2 });

const Table = z.object({ table: artifact(), rows: z.int() });
const Trained = z.object({ model: artifact() });
const Accuracy = z.object({ accuracy: z.number() });

export const clean = step('clean', { input: z.object({ source: z.string() }), output: Table, pool: 'lake' });
export const quality = step('quality', {
  input: z.object({ source: z.string() }),
  output: z.object({ rows: z.int(), complete: z.number() }),
});
export const extract = step('extract', { input: z.object({ table: artifact() }), output: Table });
// Airflow's retries=3 means four attempts: here the attempts are what is counted
export const train = step('train', {
  input: z.object({ table: artifact(), depth: z.int().default(3) }),
  output: Trained,
  retry: { attempts: 4, firstDelay: '1s' },
});
export const evaluate = step('evaluate', {
  input: z.object({ table: artifact(), model: artifact() }),
  output: Accuracy,
});

export const bills = step('bills', { input: z.object({ table: artifact() }), output: Table });
export const bodies = step('bodies', { input: z.object({ table: artifact() }), output: Table });
export const join = step('join', { input: z.object({ left: artifact(), right: artifact() }), output: Table });

export const preprocess = step('preprocess', {
  input: z.object({ table: artifact() }),
  output: z.object({ train: artifact(), test: artifact(), mean: z.array(z.number()), scale: z.array(z.number()) }),
});
const Scaled = z.object({ table: artifact(), mean: z.array(z.number()), scale: z.array(z.number()) });
export const trainScaled = step('train-scaled', { input: Scaled, output: Trained });
export const evaluateScaled = step('evaluate-scaled', {
  input: Scaled.extend({ model: artifact() }),
  output: Accuracy,
});

export const trainLong = step('train-long', {
  input: z.object({ table: artifact(), epochs: z.int() }),
  output: Trained,
  resources: { cpu: 1, memory: '1Gi' },
  timeout: '12h',
  progressWithin: '10m',
});

export const squares = step('squares', { input: z.object({ rows: z.int() }), output: Table });
export const total = step('total', { input: z.object({ table: artifact() }), output: z.object({ total: z.number() }) });

export const tell = step('tell', { input: z.object({ text: z.string() }) });
