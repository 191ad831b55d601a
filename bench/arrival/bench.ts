import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import { connect } from '../../client/connect.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { startChild } from '../../test/support/child-process.js';
import { spawnWorker } from '../../test/support/spawn-worker.js';
import { bundleProject, saveBundle } from '../../worker/bundle.js';
import { provision } from '../../worker/engine/provision.js';
import { startEngine } from '../../worker/engine/start-engine.js';
import { installRuntime } from '../../worker/log.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import type { BenchOptions, BenchRow } from '../support/report.js';
import type { Arena } from './arena.js';
import { waiting } from './many/models.js';
import { peerRows } from './peer.js';
import { peers } from './peers.js';
import { startReceiver } from './receiver.js';
import { servedRows } from './to-prediction.js';
import { latencyRows } from './to-step.js';
import { waitingRows } from './waiting.js';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * How soon data that arrives has effect: from the signal to the first step of the retraining (beside a raw workflow that
 * starts one activity by a signal, in turns) and to the first prediction by the new version; and the same for one of
 * 1,000 models that wait on one worker. What is nearest to it in Prefect and Airflow beside
 * it, where they can be installed.
 */
export async function bench(say: (line: string) => void, { smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const engine = await startEngine({ dataDir, binary: (await ensureTemporal()).path, uiPort: false });
  const { address } = engine;
  const undo: (() => unknown)[] = [() => rm(dataDir, { recursive: true, force: true }), () => engine.stop()];
  try {
    const connection = await Connection.connect({ address });
    await provision(connection, engine.namespace);
    await connection.close();
    const bundled = async (workflows: string) =>
      saveBundle(await bundleProject(file(workflows)), join(dataDir, 'bundles'));
    const few = { project: file('.'), bundle: await bundled('./workflows.ts') };
    const many = { project: file('./many'), bundle: await bundled('./many/workflows.ts') };
    const server = await startModelServer({ dataDir, store: fileArtifactStore(join(dataDir, 'artifacts')) });
    undo.push(() => server.close());
    const receiver = await startReceiver();
    undo.push(() => receiver.close());
    const evertrain = await connect({ address });
    undo.push(() => evertrain.close());
    const raw = startChild('../../bench/arrival/raw-worker.ts', { address, workflowsPath: file('./raw-workflows.ts') });
    undo.push(() => raw.kill());
    await raw.next();
    const arena: Arena = {
      ...{ evertrain, receiver, say, modelServer: server.address },
      async worker(of) {
        const project = of === 'many' ? many : few;
        const worker = await spawnWorker({ ...project, address, dataDir, modelServer: server.address });
        undo.push(() => worker.kill());
        return worker;
      },
    };
    const steps = await latencyRows(arena, smoke ? 10 : 200);
    const predictions = await servedRows(arena, smoke ? 3 : 30);
    const waits = await waitingRows(arena, smoke ? { models: 30, wakes: 5 } : { models: waiting.length, wakes: 100 });
    const rows = [...steps.rows, ...predictions, ...waits];
    for (const peer of peers) rows.push(...(await peerRows(peer, smoke ? 2 : 10, steps.p50, say)));
    return rows;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
