import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { connect } from '../../client/connect.js';
import type { Evertrain } from '../../client/evertrain.js';
import { startChild } from '../../test/support/child-process.js';
import { type SpawnedWorker, spawnWorker, type SpawnWorkerOptions } from '../../test/support/spawn-worker.js';
import { bundleProject, saveBundle } from '../../worker/bundle.js';
import type { PipelineDefinition } from '../../workflows/sdk/pipeline.js';
import { chain, wide } from '../overhead/contracts.js';
import { type BenchEngine, openEngine } from '../support/bench-engine.js';
import type { Contestant, System, Work } from '../support/contest.js';
import { pythonChain } from './contracts.js';

export const here = fileURLToPath(new URL('.', import.meta.url));

export interface Ours {
  readonly engine: BenchEngine;
  readonly evertrain: Evertrain;
  /** One more worker in a process of its own; it ends with the engine. */
  worker(queues?: SpawnWorkerOptions['queues']): Promise<SpawnedWorker>;
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
      async worker(queues) {
        const served = queues === undefined ? {} : { queues };
        const worker = await spawnWorker({ project, address, dataDir, bundle, ...served });
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

/** Our engine and one worker. */
export const evertrain: Contestant = {
  name: 'Evertrain',
  how: 'engine and one worker',
  kind: 'ours',
  async open() {
    const { engine, evertrain: client, worker } = await openOurs(here);
    try {
      const { pid } = await worker();
      return { pids: [engine.pid, pid], close: engine.close, run: (work) => run(client, work) };
    } catch (error) {
      await engine.close();
      throw error;
    }
  },
};

function run(client: Evertrain, { name, steps }: Work): Promise<number> {
  if (name === 'fan-out') return timed(client, wide, { items: steps });
  return timed(client, name === 'Python chain' ? pythonChain : chain, { steps });
}

const types: Partial<Record<Work['name'], string>> = { chain: 'chain', 'fan-out': 'wide' };

/** The same engine, workflows and worker by hand. */
export const rawSdk: Contestant = {
  name: 'raw SDK',
  how: 'our engine, a worker with our options',
  kind: 'raw',
  async open(): Promise<System> {
    const engine = await openEngine();
    try {
      const { address } = engine;
      const child = startChild('../../bench/runs/raw-worker.ts', { address });
      engine.later(() => child.kill());
      await child.next();
      const connection = await Connection.connect({ address });
      engine.later(() => connection.close());
      const client = new Client({ connection });
      return {
        pids: [engine.pid, child.process.pid ?? 0],
        close: engine.close,
        async run({ name, steps }) {
          const from = performance.now();
          const options = { taskQueue: 'raw', workflowId: `raw-${Math.random()}`, args: [{ steps, items: steps }] };
          await client.workflow.execute(types[name] ?? name, options);
          return performance.now() - from;
        },
      };
    } catch (error) {
      await engine.close();
      throw error;
    }
  },
};
