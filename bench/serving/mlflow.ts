import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ensurePython } from '../../worker/setup/python.mjs';
import type { BenchRow } from '../support/report.js';
import { type Measured, underLoad } from './measure.js';

const file = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url));

/**
 * `mlflow models serve`, as installed, of the same scikit-learn model under the same load. Rows are left out, and it is
 * said why, where it cannot be installed.
 */
export async function mlflowRows(
  load: { readonly connections: number; readonly seconds: number },
  ours: Measured,
  say: (line: string) => void,
): Promise<BenchRow[]> {
  try {
    const { python } = await ensurePython({ requirements: file('requirements-mlflow.txt'), log: say });
    const { perSecond, p50, p99 } = await measure(python, load);
    say(`MLflow: ${perSecond.toFixed(0)} requests/s, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
    return [
      { name: 'requests, MLflow', value: perSecond, unit: '/s', ratio: ours.perSecond / perSecond },
      { name: 'latency, MLflow, p50', value: p50, unit: 'ms', ratio: p50 / ours.p50 },
      { name: 'latency, MLflow, p99', value: p99, unit: 'ms', ratio: p99 / ours.p99 },
    ];
  } catch (error) {
    say(`MLflow is left out: ${error instanceof Error ? error.message : String(error)}`);
    return [];
  }
}

async function measure(
  python: string,
  load: { readonly connections: number; readonly seconds: number },
): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const model = join(folder, 'model');
  // It starts its server by name.
  const env = { ...process.env, PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}` };
  const port = await freePort();
  try {
    await promisify(execFile)(python, [file('mlflow_model.py'), model], { env });
    const options = ['--env-manager', 'local', '--host', '127.0.0.1', '--port', String(port)];
    const args = ['-m', 'mlflow', 'models', 'serve', '--model-uri', model, ...options];
    // A group of its own, because the server is its child.
    const server = spawn(python, args, { env, stdio: 'ignore', detached: true });
    const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
    try {
      await answering(`http://127.0.0.1:${port}/ping`);
      const body = JSON.stringify({ inputs: [[5.1, 3.5, 1.4, 0.2]] });
      const order = { ...load, url: `http://127.0.0.1:${port}/invocations`, body };
      await underLoad(order);
      return await underLoad(order);
    } finally {
      process.kill(-(server.pid ?? Number.NaN), 'SIGKILL');
      await ended;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function answering(url: string): Promise<void> {
  const until = performance.now() + 120_000;
  while (
    !(await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    ))
  ) {
    if (performance.now() > until) throw new Error(`Nothing answers at ${url}.`);
    await delay(200);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
