import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { packageFile } from '../../activities/sdk/jobs/package-file.js';
import { buildsInUse, setCurrentBuild } from '../../worker/deployment.js';
import { devDeployment, type DevWorkerMessage, type DevWorkerOrder } from './dev-messages.js';

export type DevPlace = Omit<DevWorkerOrder, 'bundle'>;

const tidyEveryMs = 2_000;

/**
 * The worker processes of a development session, one a build. What should be served is asked of the engine again and
 * again (the newest build, and each that open runs stay with) and brought about: a worker that died is started again, one
 * that nothing needs any more is ended. Starts and ends are done one after the other.
 */
export class DevBuilds {
  private readonly workers = new Map<string, ChildProcess>();
  private readonly starting = new Set<ChildProcess>();
  private current: string | undefined;
  /** Builds that nothing needed at the last look; the engine's index may lag behind a run that just began. */
  private idle = new Set<string>();
  /** Builds that could not be started; the next change of the code gives them another try. */
  private readonly failed = new Set<string>();
  private line: Promise<unknown> = Promise.resolve();
  private isBusy = false;
  private isReloadQueued = false;
  private isStopped = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: Client,
    private readonly say: (line: string) => void,
    private readonly place: DevPlace,
    /** Told how many rules for events the newest build's project has. */
    private readonly tellRules: (rules: number) => void,
  ) {}

  /** Serves the code as it is, and the builds that runs of an earlier session are open on. */
  async start(): Promise<void> {
    await this.queue(() => this.tidy());
    await this.reload();
    this.timer = setInterval(() => {
      if (!this.isBusy) void this.queue(() => this.tidy());
    }, tidyEveryMs);
  }

  /** Takes over the code as it is now; changes that come meanwhile are one further reload. */
  async reload(): Promise<void> {
    if (this.isReloadQueued) return;
    this.isReloadQueued = true;
    await this.queue(async () => {
      this.isReloadQueued = false;
      this.failed.clear();
      await this.takeOver();
    });
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    for (const child of this.starting) child.kill('SIGKILL');
    await this.line;
    await Promise.all([...this.workers.values()].map(end));
  }

  private queue(task: () => Promise<void>): Promise<unknown> {
    const run = async () => {
      if (this.isStopped) return;
      this.isBusy = true;
      await task().catch((error: unknown) => {
        if (!this.isStopped) this.say(text(error));
      });
      this.isBusy = false;
    };
    this.line = this.line.then(run);
    return this.line;
  }

  /** Starts a worker on the code as it is now; a broken edit leaves the one before at work. */
  private async takeOver(): Promise<void> {
    try {
      const before = this.current;
      const fresh = await this.serve(undefined);
      await setCurrentBuild(this.client, { deployment: devDeployment, build: fresh });
      this.current = fresh;
      if (before === undefined) this.say(`Build ${fresh} is at work.`);
      else if (before === fresh) this.say(`Build ${fresh} is at work again: the same workflows, the steps reloaded.`);
      else this.say(`Build ${fresh} took over from ${before}.`);
    } catch (error) {
      if (this.isStopped) return;
      const kept = this.current === undefined ? 'Nothing is served yet' : `Build ${this.current} stays at work`;
      this.say(`The change was not taken: ${text(error)}\n${kept}.`);
    }
  }

  private async tidy(): Promise<void> {
    const wanted = new Set(await buildsInUse(this.client, devDeployment));
    if (this.current !== undefined) wanted.add(this.current);
    for (const build of wanted) if (!this.workers.has(build) && !this.failed.has(build)) await this.serveAgain(build);
    const idle = new Set([...this.workers.keys()].filter((build) => !wanted.has(build)));
    for (const build of idle) {
      const child = this.workers.get(build);
      if (child === undefined || !this.idle.has(build)) continue;
      this.say(`Build ${build} has no open runs left; its worker ends.`);
      await end(child);
    }
    this.idle = idle;
  }

  private async serveAgain(build: string): Promise<void> {
    try {
      const bundle = join(this.place.dataDir, 'bundles', `${build}.js`);
      if (!existsSync(bundle)) throw new Error('its bundle is gone; cancel or terminate them.');
      await this.serve(bundle);
      const why = build === this.current ? 'again: its worker had ended' : 'for the runs that are open on it';
      this.say(`Build ${build} is served ${why}.`);
    } catch (error) {
      if (this.isStopped) return;
      this.failed.add(build);
      this.say(`Build ${build} cannot be served, and its open runs wait: ${text(error)}`);
    }
  }

  /** The build's name once its worker polls. The same build's former worker (same workflows, other steps) is replaced. */
  private async serve(bundle: string | undefined): Promise<string> {
    if (this.isStopped) throw new Error('development ends');
    const child = fork(packageFile('client/cli/evertrain.mjs'), ['dev-worker'], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { MALLOC_ARENA_MAX: '2', ...process.env },
    });
    this.starting.add(child);
    try {
      child.send({ ...this.place, ...(bundle === undefined ? {} : { bundle }) } satisfies DevWorkerOrder);
      child.on('message', (message: DevWorkerMessage) => {
        if ('rules' in message && !this.isStopped) this.tellRules(message.rules);
      });
      const build = await ready(child);
      const former = this.workers.get(build);
      if (former !== undefined) void end(former);
      this.workers.set(build, child);
      const forget = () => {
        if (this.workers.get(build) === child) this.workers.delete(build);
      };
      child.once('exit', forget);
      if (hasEnded(child)) forget();
      return build;
    } finally {
      this.starting.delete(child);
    }
  }
}

function ready(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`its worker ended with ${signal ?? `code ${code}`}`)));
    child.once('message', (message: DevWorkerMessage) => {
      if ('ready' in message) resolve(message.ready);
      if ('failed' in message) reject(new Error(message.failed));
    });
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Asks it to end, and sees to it that it does. */
export function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (hasEnded(child)) return resolve();
    const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
    child.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
