import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Evertrain } from '../../client/evertrain.js';
import { bundleFile } from './bundle-file.js';
import { type EffectServer, effectServer } from './effect-server.js';
import { type SpawnedWorker, spawnWorker, type SpawnWorkerOptions } from './spawn-worker.js';
import { startTestEngine, type TestEngine } from './test-engine.js';

/** A fixture on an engine of its own, with workers to kill and a receiver that counts. */
export interface DurableProject {
  readonly engine: TestEngine;
  readonly effects: EffectServer;
  readonly evertrain: Evertrain;
  /** Path of the project's bundle. */
  readonly bundle: string;
  worker(
    options?: Partial<
      Pick<
        SpawnWorkerOptions,
        'cachedRuns' | 'dataDir' | 'address' | 'namespace' | 'queues' | 'resources' | 'modelServer' | 'webhook'
      >
    >,
  ): Promise<SpawnedWorker>;
  /** Ends everything that still runs. */
  close(): Promise<void>;
}

export async function durableProject(
  fixture: 'durability' | 'assets' | 'events' | 'kinds' | 'limits' | 'resources' | 'rungs' | 'sensors' = 'durability',
  dynamicConfig: readonly string[] = [],
): Promise<DurableProject> {
  const project = fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url));
  const engine = await startTestEngine(undefined, dynamicConfig);
  const effects = await effectServer();
  const evertrain = await engine.connect();
  const bundle = await bundleFile(join(project, 'workflows.ts'), engine.dataDir);
  const workers: SpawnedWorker[] = [];
  return {
    engine,
    effects,
    evertrain,
    bundle,
    async worker(options = {}) {
      const { address, dataDir } = engine;
      const worker = await spawnWorker({ project, address, dataDir, bundle, ...options });
      workers.push(worker);
      return worker;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()));
      await evertrain.close();
      await effects.close();
      await engine.stop();
    },
  };
}
