import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Command } from 'commander';
import type { ModelServer } from '../../../serving/start-model-server.js';
import { lockDataFolder } from '../../../worker/engine/data-folder-lock.js';
import { provision } from '../../../worker/engine/provision.js';
import { startEngine } from '../../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../../worker/setup/temporal.mjs';
import { isEvertrainError } from '../../../workflows/sdk/errors.js';
import { DevBuilds } from '../dev-builds.js';
import { startOwnDashboard } from '../local-dashboard.js';
import { DevEvents } from '../dev-events.js';
import { connectTo, engineEnds, startKeptServer } from '../local-system.js';
import { projectFile } from '../project-files.js';
import { watchFolders } from '../watch-folders.js';

interface DevOptions {
  readonly dataDir: string;
  readonly eventsPort: string;
}

export function configure(command: Command): void {
  command
    .option('--data-dir <folder>', 'where everything is kept', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
    .option('--events-port <port>', 'port for events, where the project has rules for them; 0 takes a free one', '8200')
    .action(dev);
}

/**
 * The project on this machine, reloaded when a file changes. Each build of the workflow code has a worker process of
 * its own: new runs start on the newest, open ones stay with the build they started on, whose worker goes on until the
 * last of them closes – also after a restart, since bundles are kept in the data folder.
 */
async function dev(options: DevOptions): Promise<void> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const stopped = untilStopped();
  const dataDir = resolve(options.dataDir);
  const root = process.cwd();
  projectFile(root, 'workflows');
  const undo: Array<() => unknown> = [];
  try {
    const lock = await lockDataFolder(dataDir);
    undo.push(() => lock.release());
    const { path: binary } = await ensureTemporal({ log: say });
    const engine = await startEngine({ dataDir, binary, log: say });
    undo.push(() => engine.stop());
    const connection = await Connection.connect({ address: engine.address });
    undo.push(() => connection.close());
    await provision(connection, engine.namespace);
    const server = await startServer(dataDir, say);
    undo.push(() => server?.close());
    const place = { address: engine.address, namespace: engine.namespace, dataDir, root };
    const events = new DevEvents({ ...place, port: options.eventsPort }, say);
    undo.push(() => events.stop());
    const builds = new DevBuilds(
      new Client({ connection, namespace: engine.namespace }),
      say,
      { ...place, ...(server === undefined ? {} : { modelServer: server.address }) },
      (rules) => void events.restart(rules),
    );
    undo.push(() => builds.stop());
    const code = ['workflows', 'activities', 'python'].map((folder) => join(root, folder));
    undo.push(watchFolders(code, /\.(ts|js|mjs|py|json)$/, () => void builds.reload()));
    const serve = async () => {
      await builds.start();
      const evertrain = await connectTo(engine, dataDir);
      undo.push(() => evertrain.close());
      const dashboard = await startOwnDashboard({ evertrain, dataDir, root, temporalUi: engine.uiAddress, say });
      undo.push(() => dashboard?.close());
      say(`engine ${engine.address}, ${server === undefined ? 'no model server' : `model server ${server.address}`}`);
      if (engine.uiAddress !== undefined) say(`Temporal's UI: ${engine.uiAddress}`);
      say('Watching for changes. Ctrl-C stops everything; open runs go on at the next start.');
      await engineEnds(engine, dataDir);
    };
    await Promise.race([stopped, serve()]);
  } finally {
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last();
  }
}

/** Not every project serves models: without onnxruntime-node it goes on without a model server, and says so. */
async function startServer(dataDir: string, say: (line: string) => void): Promise<ModelServer | undefined> {
  try {
    return await startKeptServer(dataDir);
  } catch (error) {
    if (!isEvertrainError(error) || error.code !== 'SYSTEM_PEER_MISSING') throw error;
    say(`Models cannot be deployed: ${error.message}`);
    return undefined;
  }
}

function untilStopped(): Promise<void> {
  return new Promise((resolveOnce) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolveOnce());
  });
}
