import { type ChildProcess, spawn } from 'node:child_process';
import { choosePort } from '../../worker/engine/engine-ports.js';
import { ensureFakeGcsServer } from './fake-gcs-server.mjs';
import { type Restartable, startRestartable } from './restartable.js';

const startWithinMs = 60_000;

/** An emulator of Google Cloud Storage of a test's own, in memory, with a bucket `evertrain`. */
export interface GcsServer extends Restartable {
  /** The environment that leads a process to it. */
  readonly env: Readonly<Record<string, string>>;
  put(key: string, content: string): Promise<void>;
  remove(key: string): Promise<void>;
}

export async function startGcsServer(): Promise<GcsServer> {
  const binary = await ensureFakeGcsServer();
  const port = await choosePort({ option: 'gcs', explicit: undefined, previous: undefined });
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ['-backend', 'memory', '-scheme', 'http', '-host', '127.0.0.1', '-port', `${port}`];
  const ask = async (method: string, path: string, body?: string) => {
    const { ok, status } = await fetch(`${endpoint}${path}`, { method, ...(body === undefined ? {} : { body }) });
    if (!ok) throw new Error(`${method} ${path} is answered with status ${status}`);
  };
  const server = await startRestartable({
    spawn: () => spawn(binary, [...args, '-log-level', 'error'], { stdio: 'ignore' }),
    untilReady: async (child) => {
      await untilHealthy(endpoint, child);
      await ask('POST', '/storage/v1/b?project=tests', JSON.stringify({ name: 'evertrain' }));
    },
    remove: () => Promise.resolve(),
  });
  return {
    ...server,
    env: { STORAGE_EMULATOR_HOST: endpoint },
    put: (key, content) =>
      ask('POST', `/upload/storage/v1/b/evertrain/o?uploadType=media&name=${encodeURIComponent(key)}`, content),
    remove: (key) => ask('DELETE', `/storage/v1/b/evertrain/o/${encodeURIComponent(key)}`),
  };
}

async function untilHealthy(endpoint: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + startWithinMs; ; ) {
    const answer = await fetch(`${endpoint}/_internal/healthcheck`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (child.exitCode !== null || Date.now() > until) {
      throw new Error(`fake-gcs-server at ${endpoint} does not answer (exit code ${child.exitCode})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
