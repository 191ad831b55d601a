import { Worker } from 'node:worker_threads';
import { expect, it, onTestFinished, vi } from 'vitest';
import { call, deploy, serve } from '../support.js';
import { filesOf, predictIris } from './support.js';

vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>();
  return { ...real, Worker: vi.fn(real.Worker) };
});

it('without DuckDB rows and labels are kept as they are, and who asks for scores is told what is missing', async () => {
  // The thread as it is where the package is not installed: its import fails.
  const script = `const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ({ id }) =>
      parentPort.postMessage({ id, error: "Cannot find package '@duckdb/node-api'", isMissing: true }));`;
  const { Worker: RealWorker } = await vi.importActual<typeof import('node:worker_threads')>('node:worker_threads');
  vi.mocked(Worker).mockImplementation(function thread() {
    return new RealWorker(script, { eval: true });
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const harness = await serve({ predictionLog: { segmentBytes: 300 } });
  await deploy(harness, 'iris-v1');
  for (let i = 0; i < 5; i++) {
    await predictIris(harness, `id-${i}`);
    await vi.waitFor(async () => expect((await filesOf(harness.dataDir)).length).toBeGreaterThan(0));
  }
  const told = () => harness.log.filter((line) => line.includes('npm install @duckdb/node-api'));
  await vi.waitFor(() => expect(told()).toHaveLength(1), 10_000);
  const path = '/evertrain/models/m/feedback';
  expect(await call(harness.server, 'POST', path, { id: 'id-0', label: 0 })).toMatchObject({ status: 202 });
  expect(await call(harness.server, 'GET', path)).toMatchObject({
    status: 501,
    body: { code: 'SYSTEM_PEER_MISSING', error: expect.stringMatching(/npm install @duckdb\/node-api/) },
  });
  expect((await filesOf(harness.dataDir)).every((name) => name.endsWith('.jsonl'))).toBe(true);
  expect(told()).toHaveLength(1);
});
