import { join } from 'node:path';
import type { Command } from 'commander';
import { configurePython } from '../../../activities/sdk/jobs/python-environment.js';
import { bundleProject, loadBundle, saveBundle } from '../../../worker/bundle.js';
import { createWorker } from '../../../worker/create-worker.js';
import { installRuntime } from '../../../worker/log.js';
import { ensurePython } from '../../../worker/setup/python.mjs';
import { loadActivities, projectFile } from '../local-system.js';
import { devDeployment } from './dev.js';

/** What `evertrain dev` tells a worker process that it forks. */
export interface DevWorkerOrder {
  readonly address: string;
  readonly namespace: string;
  readonly dataDir: string;
  readonly root: string;
  readonly modelServer: string;
  /** A kept bundle of an earlier build; default: the code as it is now. */
  readonly bundle?: string;
}

export type DevWorkerMessage = { readonly ready: string } | { readonly failed: string };

export function configure(command: Command): void {
  command.action(async () => {
    const order = await new Promise<DevWorkerOrder>((resolve) =>
      process.once('message', (m: DevWorkerOrder) => resolve(m)),
    );
    await serve(order);
  });
}

/** A worker for one build; ends on SIGTERM, and when its parent is gone. */
async function serve(order: DevWorkerOrder): Promise<void> {
  const tell = (message: DevWorkerMessage) => process.send?.(message);
  try {
    installRuntime('ERROR');
    configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
    const workflows = projectFile(order.root, 'workflows');
    const bundle = order.bundle === undefined ? await bundleProject(workflows) : await loadBundle(order.bundle);
    await saveBundle(bundle, join(order.dataDir, 'bundles'));
    const webhook = process.env['EVERTRAIN_WEBHOOK'];
    const worker = await createWorker({
      workflows,
      bundle,
      activities: await loadActivities(order.root),
      address: order.address,
      namespace: order.namespace,
      dataDir: order.dataDir,
      modelServer: order.modelServer,
      version: { deployment: devDeployment, build: bundle.version },
      ...(webhook === undefined ? {} : { webhook }),
    });
    for (const event of ['SIGTERM', 'SIGINT'] as const) process.on(event, () => worker.shutdown());
    process.on('disconnect', () => worker.shutdown());
    const serving = worker.run();
    tell({ ready: bundle.version });
    await serving;
  } catch (error) {
    tell({ failed: error instanceof Error ? error.message : String(error) });
    process.exitCode = 1;
  } finally {
    if (process.connected) process.disconnect();
  }
}
