import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStorage } from '../../activities/sdk/storage.js';
import type { Evertrain } from '../../client/evertrain.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { bundleFile } from './bundle-file.js';
import { spawnWorker } from './spawn-worker.js';
import { startTestEngine, type TestEngine } from './test-engine.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** The shipped pipelines and models on an engine and data folder of their own; `serves`: with a model server. */
export interface ShippedProject {
  readonly engine: TestEngine;
  readonly evertrain: Evertrain;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

export async function shippedProject({ serves = false } = {}): Promise<ShippedProject> {
  const engine = await startTestEngine();
  const { address, dataDir } = engine;
  const bundle = await bundleFile(join(project, 'workflows/index.ts'), dataDir);
  const server = serves ? await startModelServer({ dataDir, store: openStorage(dataDir).store }) : undefined;
  const deployedTo = server === undefined ? {} : { modelServer: server.address };
  const worker = await spawnWorker({ project, address, dataDir, bundle, ...deployedTo });
  const evertrain = await engine.connect();
  return {
    engine,
    evertrain,
    async close() {
      await evertrain.close();
      await worker.stop();
      await server?.close();
      await engine.stop();
    },
  };
}
