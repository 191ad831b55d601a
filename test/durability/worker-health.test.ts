import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import type { WorkerHealth } from '../../worker/worker-health.js';
import { working } from '../fixtures/commands/workflows/contracts.js';
import { type CliProcess, evertrainCli } from '../support/cli-process.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

const cwd = fileURLToPath(new URL('../fixtures/commands', import.meta.url));
let engine: TestEngine;
let evertrain: Evertrain;
let effects: EffectServer;
let worker: CliProcess;
let port: number;

const start = (healthPort: string, env: NodeJS.ProcessEnv = {}) =>
  evertrainCli(['worker', '--address', engine.address, '--data-dir', engine.dataDir, '--health-port', healthPort], {
    cwd,
    env,
  });

beforeAll(async () => {
  engine = await startTestEngine();
  evertrain = await engine.connect();
  effects = await effectServer();
  worker = start('0');
  port = Number(/"healthPort":(\d+)/.exec(await worker.until('worker started'))?.[1]);
});
afterAll(async () => {
  worker?.child.kill('SIGKILL');
  await evertrain?.close();
  await effects?.close();
  await engine?.stop();
});

async function ask(path: string): Promise<{ status: number } & WorkerHealth> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, ...((await response.json()) as WorkerHealth) };
}

describe("a worker's health endpoint", () => {
  it('is ready while it serves, not while the engine is away, and alive all the time', async () => {
    expect(await ask('/')).toEqual({
      status: 200,
      state: 'RUNNING',
      engine: 'reachable',
      queues: { evertrain: { state: 'RUNNING', runningSteps: 0, slots: 100 } },
    });
    await engine.kill();
    expect(await ask('/')).toMatchObject({ status: 503, state: 'RUNNING', engine: 'unreachable' });
    expect(await ask('/live')).toMatchObject({ status: 200 });
    await engine.restart();
    await expect.poll(() => ask('/'), { timeout: 20_000 }).toMatchObject({ status: 200, engine: 'reachable' });
  });

  it('refuses settings that cannot work, before it serves anything', async () => {
    const [noPort, taken, webhook, noEngine] = await Promise.all([
      start('health').ended,
      start(String(port)).ended,
      start('0', { EVERTRAIN_WEBHOOK: 'example.org/hook' }).ended,
      evertrainCli(['worker', '--address', '127.0.0.1:1', '--data-dir', engine.dataDir], { cwd }).ended,
    ]);
    expect(noPort.out).toContain('--health-port: health is not a port number.');
    expect(noPort.code).toBe(2);
    expect(taken.out).toContain(`The health endpoint cannot listen on port ${port}: it is in use.`);
    expect(taken.code).toBe(4);
    expect(webhook.out).toContain('webhook is "example.org/hook"');
    expect(webhook.code).toBe(2);
    expect(noEngine.out).toContain('SYSTEM_ENGINE_UNREACHABLE');
    expect(noEngine.code).toBe(4);
  });

  it('says that it drains after SIGTERM, until its running step has ended', async () => {
    effects.hold('work');
    const run = await evertrain.start(working, { effects: effects.url }, { provenance: false });
    await effects.began('work');
    expect((await ask('/')).queues['evertrain']?.runningSteps).toBe(1);
    worker.child.kill('SIGTERM');
    await expect.poll(() => ask('/'), { timeout: 5_000 }).toMatchObject({ status: 503, state: 'DRAINING' });
    expect((await ask('/live')).status).toBe(200);
    effects.release('work');
    expect((await worker.ended).code).toBe(0);
    await expect(ask('/live')).rejects.toThrow('fetch failed');
    expect((await run.view()).steps).toMatchObject([{ id: 'work', status: 'completed', attempt: 1 }]);
  });
});
