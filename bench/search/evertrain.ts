import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { connect } from '../../client/connect.js';
import { spawnWorker } from '../../test/support/spawn-worker.js';
import { bundleProject, saveBundle } from '../../worker/bundle.js';
import { provision } from '../../worker/engine/provision.js';
import { startEngine } from '../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import { score, study, warmUp } from './contracts.js';
import { type Course, slots, type Training, type Work } from './course.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Engine and worker in processes of their own, as `evertrain dev` and a second terminal would have them. */
export async function evertrainCourse({ trials, list, seed }: Work, atMost: number): Promise<Course> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const undo: (() => unknown)[] = [() => rm(dataDir, { recursive: true, force: true })];
  try {
    const engine = await startEngine({ dataDir, binary: (await ensureTemporal()).path, uiPort: false });
    undo.push(() => engine.stop());
    const { address } = engine;
    const connection = await Connection.connect({ address });
    await provision(connection, engine.namespace);
    await connection.close();
    const bundle = await saveBundle(await bundleProject(file('./workflows.ts')), join(dataDir, 'bundles'));
    const queues = { [defaultQueue]: {}, cpu: { slots } };
    const worker = await spawnWorker({ project: file('.'), address, dataDir, bundle, queues });
    undo.push(() => worker.stop());
    const evertrain = await connect({ address });
    undo.push(() => evertrain.close());
    const warm = await evertrain.execute(warmUp, undefined, { provenance: false });
    if (warm.outcome !== 'completed') throw new Error(JSON.stringify(warm));
    const { digits } = warm.output;
    const order = { digits, trials, atMost, seed, ...(list === undefined ? {} : { list: [...list] }) };
    const from = performance.now();
    const run = await evertrain.start(study, order, { provenance: false });
    await run.result();
    const seconds = (performance.now() - from) / 1_000;
    const { steps } = await run.view();
    const trainings = steps.flatMap((step) =>
      step.name === score.name && 'output' in step ? [step.output as Training] : [],
    );
    return { seconds, trainings };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
