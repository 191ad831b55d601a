import { join } from 'node:path';
import type { Command } from 'commander';
import { loadBundle, saveBundle } from '../../../worker/bundle.js';
import { cachedBundle } from '../../../worker/bundle-cache.js';
import { createWorker, type EvertrainWorker } from '../../../worker/create-worker.js';
import { connect } from '../../connect.js';
import { installRuntime } from '../../../worker/log.js';
import { devDeployment, type DevWorkerMessage, type DevWorkerOrder } from '../dev-messages.js';
import { exitSoon } from '../exit.js';
import { loadActivities, loadProject, projectFile } from '../project-files.js';
import { changeLines } from '../schedule-lines.js';

export function configure(command: Command): void {
  command.action(async () => {
    const worker: { current?: EvertrainWorker } = {};
    // Its parent may end, also by SIGKILL, while the build is still being made.
    const stop = () => {
      if (worker.current === undefined) process.exit(0);
      worker.current.shutdown();
    };
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect'] as const) process.on(event, stop);
    const order = await new Promise<DevWorkerOrder>((resolve) => process.once('message', resolve));
    await serve(order, worker);
  });
}

/** A worker for one build; ends on SIGTERM, and when its parent is gone. */
async function serve(order: DevWorkerOrder, worker: { current?: EvertrainWorker }): Promise<void> {
  try {
    worker.current = await makeWorker(order);
    const serving = worker.current.run();
    tell({ ready: worker.current.version });
    if (order.bundle === undefined) await applyProject(order).catch(say);
    await serving;
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  } finally {
    if (process.connected) process.disconnect();
    exitSoon();
  }
}

/** The engine is the folder's own, so what the project does not declare any more goes. */
async function applyProject({ root, address, namespace }: DevWorkerOrder): Promise<void> {
  const project = await loadProject(root);
  tell({ rules: project.events.length });
  const evertrain = await connect({ address, namespace });
  try {
    const done = await evertrain.schedules.apply(project, { prune: true });
    for (const line of changeLines(done.filter(({ kind }) => kind !== 'unchanged'))) say(`Schedule ${line}`);
  } finally {
    await evertrain.close();
  }
}

function say(what: unknown): void {
  process.stdout.write(`${what instanceof Error ? what.message : String(what)}\n`);
}

async function makeWorker(order: DevWorkerOrder): Promise<EvertrainWorker> {
  installRuntime('ERROR');
  const workflows = projectFile(order.root, 'workflows');
  const bundle = order.bundle === undefined ? await cachedBundle(workflows) : await loadBundle(order.bundle);
  await saveBundle(bundle, join(order.dataDir, 'bundles'));
  const webhook = process.env['EVERTRAIN_WEBHOOK'];
  const activities = await loadActivities(order.root);
  return createWorker({
    workflows,
    bundle,
    activities,
    address: order.address,
    namespace: order.namespace,
    dataDir: order.dataDir,
    ...(order.modelServer === undefined ? {} : { modelServer: order.modelServer }),
    version: { deployment: devDeployment, build: bundle.version },
    ...(webhook === undefined ? {} : { webhook }),
  });
}

function tell(message: DevWorkerMessage): void {
  if (process.connected) process.send?.(message);
}
