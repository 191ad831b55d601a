import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import type { Model } from '../../client/model-handle.js';
import { startModelServer } from '../../serving/start-model-server.js';
import { installRuntime } from '../../worker/log.js';
import { goalRows, isServer, memoryRows, timeRows } from '../support/contest-rows.js';
import { type Contestant, hold } from '../support/contest.js';
import { opened } from '../support/open-ours.js';
import { isAirflow, peerContestants } from '../support/peers.js';
import type { Bench, BenchRow } from '../support/report.js';

/**
 * Ingest → preprocess → train a forest → evaluate → deploy on iris, from the order to the end of the last; and what the
 * whole system holds in memory then. Cached steps are computed anew: each run has another seed.
 */
export const bench: Bench = async (say, { smoke }) => {
  installRuntime('ERROR');
  const work = { name: 'tutorial', size: 5 } as const;
  const title = 'five tasks, order to deployed';
  const contest = { title, rounds: smoke ? 1 : 5, warmUp: work, work, minutes: 15 };
  const standings = await hold([ours, ...peerContestants(say)], contest, say);
  const server = { than: 'the smallest peer with a server', among: isServer, of: 'mb' } as const;
  return [
    ...timeRows(title, standings).map(withGoal),
    ...goalRows(title, standings, [{ than: 'Airflow', among: isAirflow, atLeast: 5 }]),
    ...memoryRows('memory after the five tasks', standings),
    ...goalRows('memory after the five tasks', standings, [{ ...server, atLeast: 1 }]),
  ];
};

function withGoal(row: BenchRow): BenchRow {
  if ('failed' in row || !row.name.endsWith(ours.name)) return row;
  return { ...row, goal: '≤ 1,500 ms', ok: row.value <= 1_500 };
}

/** Deployed is what a model server has loaded; here it is in the benchmark's own process. */
const ours: Contestant = {
  name: 'Evertrain',
  how: 'engine and one worker',
  kind: 'ours',
  open: () =>
    opened(fileURLToPath(new URL('.', import.meta.url)), async ({ engine, evertrain, worker }) => {
      const { dataDir } = engine;
      const server = await startModelServer({ dataDir, store: fileArtifactStore(join(dataDir, 'artifacts')) });
      engine.later(() => server.close());
      const { pid } = await worker({ modelServer: server.address });
      const model = evertrain.model('tutorial');
      return { pids: [engine.pid, pid], run: (_, seed) => trained(model, seed) };
    }),
};

async function trained(model: Model, seed: number): Promise<number> {
  const from = performance.now();
  const run = await model.train(undefined, { trigger: `run-${seed}`, seed, provenance: false });
  await run.result();
  await model.promote(await registered(model, `run-${seed}`));
  return performance.now() - from;
}

async function registered(model: Model, trigger: string): Promise<string> {
  for (;;) {
    const state = await model.state();
    const version = state.trainings.find((one) => one.trigger === trigger)?.version;
    if (version !== undefined) return version;
    await new Promise((wake) => setTimeout(wake, 5));
  }
}
