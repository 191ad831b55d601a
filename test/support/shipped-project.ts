import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evertrain } from '../../client/evertrain.js';
import { bundleFile } from './bundle-once.js';
import { spawnWorker } from './spawn-worker.js';
import { startTestEngine, type TestEngine } from './test-engine.js';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** The shipped pipelines on an engine and data folder of their own. */
export interface ShippedProject {
  readonly engine: TestEngine;
  readonly evertrain: Evertrain;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

export async function shippedProject(): Promise<ShippedProject> {
  const engine = await startTestEngine();
  const { address, dataDir } = engine;
  const bundle = await bundleFile(join(project, 'workflows/index.ts'), dataDir);
  const worker = await spawnWorker({ project, address, dataDir, bundle });
  const evertrain = await engine.connect();
  return {
    engine,
    evertrain,
    async close() {
      await evertrain.close();
      await worker.stop();
      await engine.stop();
    },
  };
}
