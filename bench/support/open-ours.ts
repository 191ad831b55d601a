import { join } from 'node:path';
import { connect } from '../../client/connect.js';
import type { Evertrain } from '../../client/evertrain.js';
import { type SpawnedWorker, spawnWorker, type SpawnWorkerOptions } from '../../test/support/spawn-worker.js';
import { bundleProject, saveBundle } from '../../worker/bundle.js';
import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import { type BenchEngine, openEngine } from './bench-engine.js';
import type { System } from './contest.js';

export interface Ours {
  readonly engine: BenchEngine;
  readonly evertrain: Evertrain;
  /** One more worker in a process of its own; it ends with the engine. */
  readonly worker: (options?: Pick<SpawnWorkerOptions, 'queues' | 'modelServer'>) => Promise<SpawnedWorker>;
}

/** Our engine, and a client, for the project of a folder; workers as they are asked for. */
export async function openOurs(project: string): Promise<Ours> {
  const engine = await openEngine();
  try {
    const { address, dataDir } = engine;
    const bundle = await saveBundle(await bundleProject(join(project, 'workflows.ts')), join(dataDir, 'bundles'));
    const evertrain = await connect({ address });
    engine.later(() => evertrain.close());
    return {
      engine,
      evertrain,
      async worker(options = {}) {
        const worker = await spawnWorker({ project, address, dataDir, bundle, ...options });
        engine.later(() => worker.stop());
        return worker;
      },
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Runs a pipeline to its end; milliseconds. Fails where the run does not complete. */
export async function timed(evertrain: Evertrain, pipeline: PipelineDefinition, input: unknown): Promise<number> {
  const from = performance.now();
  const result = await evertrain.execute(pipeline, input, { provenance: false });
  if (result.outcome !== 'completed') throw new Error(`${pipeline.name}: ${JSON.stringify(result)}`);
  return performance.now() - from;
}

/** A system on an engine of its own, which is stopped where the rest of it cannot be made. */
export async function opened(project: string, build: (ours: Ours) => Promise<Omit<System, 'close'>>): Promise<System> {
  const ours = await openOurs(project);
  try {
    return { ...(await build(ours)), close: ours.engine.close };
  } catch (error) {
    await ours.engine.close();
    throw error;
  }
}
