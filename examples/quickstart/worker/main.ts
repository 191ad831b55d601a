import { resolveConnection } from 'evertrain/client';
import { createWorker, installRuntime } from 'evertrain/worker';
import { activities } from '../activities/index.js';

/**
 * A worker by itself, for example in a container: `TEMPORAL_ADDRESS=host:7233 npm run worker`. `npm run dev` has one of
 * its own. `npx evertrain worker` does the same with a health endpoint and Python set-up.
 */
installRuntime();
const { address, namespace } = resolveConnection();
const worker = await createWorker({ workflows: 'workflows/index.ts', activities, address, namespace });
process.once('SIGTERM', () => worker.shutdown());
process.once('SIGINT', () => worker.shutdown());
await worker.run();
