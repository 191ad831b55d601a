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
  worker(options?: Pick<SpawnWorkerOptions, 'queues' | 'modelServer'>): Promise<SpawnedWorker>;
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

export const evertrain: Contestant = {
  name: 'Evertrain',
  how: 'engine and one worker',
  kind: 'ours',
  open: () =>
    opened(here, async ({ engine, evertrain: client, worker }) => {
      const { pid } = await worker();
      return { pids: [engine.pid, pid], run: (work) => run(client, work) };
    }),
};

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

function run(client: Evertrain, { name, size }: Work): Promise<number> {
  if (name === 'runs') return atOnce(size, () => timed(client, chain, { steps: 3 }));
  if (name === 'fan-out') return timed(client, wide, { items: size });
  return timed(client, name === 'Python chain' ? pythonChain : chain, { steps: size });
}

async function atOnce(count: number, one: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await Promise.all(Array.from({ length: count }, one));
  return performance.now() - from;
}

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
        async run({ name, size }) {
          const execute = (type: string, input: unknown) =>
            client.workflow.execute(type, { taskQueue: 'raw', workflowId: `raw-${Math.random()}`, args: [input] });
          if (name === 'runs') return atOnce(size, () => execute('chain', { steps: 3 }));
          return atOnce(1, () => execute(name === 'chain' ? 'chain' : 'wide', { steps: size, items: size }));
        },
      };
    } catch (error) {
      await engine.close();
      throw error;
    }
  },
};
