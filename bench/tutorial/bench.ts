import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Connection } from '@temporalio/client';
import { activities } from '../../activities/index.js';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import { connect } from '../../client/connect.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { createWorker } from '../../worker/create-worker.js';
import { provision } from '../../worker/engine/provision.js';
import { startEngine } from '../../worker/engine/start-engine.js';
import { installRuntime } from '../../worker/log.js';
import { ensurePython } from '../../worker/setup/python.mjs';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { type BenchRow, median, spread } from '../support/report.js';

const rounds = 5;

/**
 * Ingest → preprocess → train a forest → evaluate → deploy on iris, from the order to the answering model, with a warm
 * worker. Cached steps are computed anew: each round has another seed.
 */
export async function bench(say: (line: string) => void): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const engine = await startEngine({ dataDir, binary: (await ensureTemporal()).path, uiPort: false });
  const server = await startModelServer({ dataDir, store: fileArtifactStore(join(dataDir, 'artifacts')) });
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  const connection = await Connection.connect({ address: engine.address });
  await provision(connection, engine.namespace);
  await connection.close();
  const worker = await createWorker({
    workflows: fileURLToPath(new URL('./workflows.ts', import.meta.url)),
    activities,
    address: engine.address,
    dataDir,
    modelServer: server.address,
  });
  const serving = worker.run();
  try {
    const times = await measure(engine.address, say);
    return [
      {
        name: 'five tasks, order to deployed',
        value: median(times),
        unit: 'ms',
        spread: spread(times),
        goal: '≤ 1,500 ms',
        ok: median(times) <= 1_500,
      },
    ];
  } finally {
    worker.shutdown();
    await serving;
    await server.close();
    await engine.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measure(address: string, say: (line: string) => void): Promise<number[]> {
  const evertrain = await connect({ address });
  const model = evertrain.model('tutorial');
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const from = performance.now();
    const run = await model.train(undefined, { trigger: `round-${round}`, seed: round, provenance: false });
    await run.result();
    const version = await registered(model, `round-${round}`);
    await model.promote(version);
    const ms = Math.round(performance.now() - from);
    say(`round ${round}${round === 0 ? ' (warm-up)' : ''}: ${ms} ms`);
    if (round > 0) times.push(ms);
  }
  await evertrain.close();
  return times;
}

async function registered(model: ReturnType<Awaited<ReturnType<typeof connect>>['model']>, trigger: string) {
  for (;;) {
    const state = await model.state();
    const version = state.trainings.find((one) => one.trigger === trigger)?.version;
    if (version !== undefined) return version;
    await new Promise((wake) => setTimeout(wake, 5));
  }
}
