import { connect, resolveConnection } from 'evertrain/client';
import { createWorker, installRuntime, provision } from 'evertrain/worker';
import { activities } from '../activities/index.js';

/**
 * A worker as a program of your own, for example in a container: `TEMPORAL_ADDRESS=host:7233 npm run worker`. On this
 * machine `npm run dev` and `npm start` have one of theirs; `npx evertrain worker` is this one with options.
 */
installRuntime();
const { address, namespace, tls, apiKey } = resolveConnection();
const evertrain = await connect({ address, namespace, tls, apiKey });
await provision(evertrain.client.connection, namespace);
await evertrain.close();

const worker = await createWorker({
  workflows: 'workflows/index.ts',
  activities,
  address,
  namespace,
  tls,
  apiKey,
  dataDir: process.env['EVERTRAIN_DATA_DIR'],
  modelServer: process.env['EVERTRAIN_MODEL_SERVER'],
  webhook: process.env['EVERTRAIN_WEBHOOK'],
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => worker.shutdown());
console.log(`build ${worker.version} serves ${address}`);
await worker.run();
