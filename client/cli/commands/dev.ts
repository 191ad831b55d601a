import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Command } from 'commander';
import { packageFile } from '../../../activities/sdk/jobs/package-file.js';
import { fileArtifactStore } from '../../../activities/sdk/store/file-artifact-store.js';
import { startModelServer } from '../../../serving/start-model-server.js';
import { buildsInUse, openRunsOf, setCurrentBuild } from '../../../worker/deployment.js';
import { lockDataFolder } from '../../../worker/engine/data-folder-lock.js';
import { provision } from '../../../worker/engine/provision.js';
import { startEngine } from '../../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../../worker/setup/temporal.mjs';
import type { DevWorkerMessage, DevWorkerOrder } from './dev-worker.js';

/** Deployment under which development builds are versioned. */
export const devDeployment = 'evertrain-dev';

interface DevOptions {
  readonly dataDir: string;
}

export function configure(command: Command): void {
  command
    .option('--data-dir <folder>', 'where everything is kept', process.env['EVERTRAIN_DATA_DIR'] ?? '.evertrain')
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
    const server = await startModelServer({ dataDir, store: fileArtifactStore(join(dataDir, 'artifacts')), port: 0 });
    undo.push(() => server.close());
    const builds = new Builds(new Client({ connection, namespace: engine.namespace }), say, {
      address: engine.address,
      namespace: engine.namespace,
      dataDir,
      root: process.cwd(),
      modelServer: server.address,
    });
    undo.push(() => builds.stop());
    await builds.resume();
    await builds.reload();
    say(`engine ${engine.address}, model server ${server.address}`);
    if (engine.uiAddress !== undefined) say(`Temporal's UI: ${engine.uiAddress}`);
    say('Watching for changes. Ctrl-C stops everything; open runs go on at the next start.');
    const stopWatching = watchProject(process.cwd(), () => void builds.reload());
    undo.push(stopWatching);
    await Promise.race([stopped, engine.exited]);
  } finally {
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last();
  }
}

type Place = Omit<DevWorkerOrder, 'bundle'>;

/** The worker processes of a development session, one a build. */
class Builds {
  private readonly workers = new Map<string, ChildProcess>();
  private current: string | undefined;
  /** Started, and soon the current one: not to be ended for having no runs. */
  private newest: string | undefined;
  private reloading = Promise.resolve();
  private readonly sweeper: NodeJS.Timeout;

  constructor(
    private readonly client: Client,
    private readonly say: (line: string) => void,
    private readonly place: Place,
  ) {
    this.sweeper = setInterval(() => void this.sweep().catch(() => undefined), 2_000);
  }

  /** Serves again the builds that runs of an earlier session are open on. */
  async resume(): Promise<void> {
    for (const build of await buildsInUse(this.client, devDeployment)) {
      const bundle = join(this.place.dataDir, 'bundles', `${build}.js`);
      if (!existsSync(bundle)) {
        this.say(`Open runs need build ${build}, whose bundle is gone; cancel or terminate them.`);
        continue;
      }
      await this.start(bundle);
      this.say(`Build ${build} is served for the runs that are open on it.`);
    }
  }

  reload(): Promise<void> {
    this.reloading = this.reloading.then(() => this.takeOver());
    return this.reloading;
  }

  async stop(): Promise<void> {
    clearInterval(this.sweeper);
    await this.reloading.catch(() => undefined);
    await Promise.all([...this.workers.values()].map(end));
  }

  /** Starts a worker on the code as it is now; a broken edit leaves the one before at work. */
  private async takeOver(): Promise<void> {
    try {
      const before = this.current;
      const fresh = await this.start(undefined);
      this.newest = fresh;
      await setCurrentBuild(this.client, { deployment: devDeployment, build: fresh });
      this.current = fresh;
      this.say(before === undefined ? `Build ${fresh} is at work.` : `Build ${fresh} took over from ${before}.`);
    } catch (error) {
      this.say(`The change was not taken: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The build's name once its worker polls. The same build's former worker (same workflows, other steps) is replaced. */
  private start(bundle: string | undefined): Promise<string> {
    const child = fork(packageFile('client/cli/evertrain.mjs'), ['dev-worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.send({ ...this.place, ...(bundle === undefined ? {} : { bundle }) } satisfies DevWorkerOrder);
    return new Promise((resolveBuild, reject) => {
      child.once('exit', (code) => reject(new Error(`its worker ended with code ${code}`)));
      child.once('message', (message: DevWorkerMessage) => {
        if ('failed' in message) return reject(new Error(message.failed));
        const former = this.workers.get(message.ready);
        if (former !== undefined) void end(former);
        this.workers.set(message.ready, child);
        child.once('exit', () => {
          if (this.workers.get(message.ready) === child) this.workers.delete(message.ready);
        });
        resolveBuild(message.ready);
      });
    });
  }

  private async sweep(): Promise<void> {
    for (const [build, child] of this.workers) {
      if (
        build === this.current ||
        build === this.newest ||
        (await openRunsOf(this.client, { deployment: devDeployment, build })) > 0
      )
        continue;
      this.say(`Build ${build} has no open runs left; its worker ends.`);
      await end(child);
    }
  }
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolveEnd) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolveEnd();
    child.once('exit', () => resolveEnd());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 15_000).unref();
  });
}

/** Calls back once after a burst of changes in the project's code. */
function watchProject(root: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watchers = ['workflows', 'activities', 'python']
    .map((folder) => join(root, folder))
    .filter(existsSync)
    .map((folder) =>
      watch(folder, { recursive: true }, (_, name) => {
        if (name === null || !/\.(ts|js|mjs|py|json)$/.test(name)) return;
        clearTimeout(timer);
        timer = setTimeout(changed, 200);
      }),
    );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

function untilStopped(): Promise<void> {
  return new Promise((resolveOnce) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolveOnce());
  });
}
