import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { built } from './built-tree.js';
import { nodeScript } from './node-script.js';

export interface SpawnWorkerOptions {
  /**
   * The project's folder: `workflows.ts` or `workflows/index.ts` in it, the same for activities. Default: the working
   * directory.
   */
  readonly project?: string;
  /** The engine's host:port. */
  readonly address: string;
  readonly dataDir: string;
  readonly namespace?: string;
  /** A bundle that `bundleProject` and `saveBundle` made; saves the seconds of building one. */
  readonly bundle?: string;
  /** Runs kept in memory; 0 replays every task from history. */
  readonly cachedRuns?: number;
  /** Queues to serve; default all. */
  readonly queues?: Readonly<Record<string, { readonly slots?: number }>>;
  /** What the worker has; default: what it finds. */
  readonly resources?: { readonly cpu?: number; readonly memory?: string; readonly gpu?: number };
  /** Where promoted versions are deployed to. */
  readonly modelServer?: string;
  /** Called when a run fails or waits for a person. */
  readonly webhook?: string;
}

/** A worker in a process of its own, which a test may kill. */
export interface SpawnedWorker {
  readonly pid: number;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: stands still, as a machine that swaps or is suspended; the engine takes it for dead after the heartbeat. */
  pause(): void;
  /** SIGCONT: goes on where it was, knowing of nothing. */
  resume(): void;
  /** SIGTERM: drains, then ends. Kills after 20 s. */
  stop(): Promise<void>;
}

/** Starts `createWorker` for a project in a Node process and waits until it serves: `spawnWorker(engine)`. */
export async function spawnWorker(options: SpawnWorkerOptions): Promise<SpawnedWorker> {
  const project = built(options.project ?? process.cwd());
  const child = spawn(process.execPath, [...nodeScript('worker-process'), JSON.stringify({ ...options, project })], {
    // Its standard input is its lifeline: a worker ends with the test that started it, however that ends.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString('utf8')).slice(-8_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'serving') resolve();
    });
    child.once('error', reject);
    void exited.then(() => reject(new Error(`the worker ended before it served: ${errors}`)));
  });
  return {
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
      child.kill('SIGTERM');
      await exited;
      clearTimeout(late);
    },
  };
}
