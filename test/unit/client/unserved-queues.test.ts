import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../client/connect.js';
import type { Evertrain } from '../../../client/evertrain.js';
import { elsewhere, gated } from './support/project.js';
import { quiet } from './support/raw-worker.js';
import { serveProject } from './support/serve-project.js';
import { startTemporal } from './support/temporal-server.js';

let env: TestWorkflowEnvironment;
let evertrain: Evertrain;

beforeAll(async () => {
  quiet();
  env = await startTemporal();
  evertrain = await connect({ address: env.address });
});
afterAll(async () => {
  await evertrain?.close();
  await env?.teardown();
});

describe('a queue that no worker serves', () => {
  test('is told while the run itself waits there, once, until a worker comes', async () => {
    const run = await evertrain.start(gated, { value: 1 }, { provenance: false });
    const told: unknown[] = [];
    let served: Awaited<ReturnType<typeof serveProject>> | undefined;
    for await (const event of run.events()) {
      if (event.type !== 'unserved') continue;
      told.push([event.queue, event.steps]);
      expect(event.message).toMatch(/No worker has asked the queue "evertrain" for work.*the run waits there/);
      served = await serveProject(env.address, { queues: { evertrain: {} } });
    }
    expect(told).toEqual([['evertrain', []]]);
    expect(await run.result()).toEqual({ outcome: 'completed', output: { value: 1 } });
    await served?.end();
  });

  test('is told with the steps that wait there', async () => {
    const runsOnly = await serveProject(env.address, { queues: { evertrain: {} } });
    const run = await evertrain.start(elsewhere, {}, { provenance: false });
    const told: unknown[] = [];
    let gpu: Awaited<ReturnType<typeof serveProject>> | undefined;
    for await (const event of run.events()) {
      if (event.type !== 'unserved') continue;
      told.push([event.queue, event.steps]);
      expect(event.message).toContain('"on-gpu" waits there');
      await expect
        .poll(() => evertrain.queues(['evertrain', 'gpu']))
        .toMatchObject([
          { queue: 'evertrain', kind: 'steps', waiting: 0, workers: 1 },
          { queue: 'evertrain', kind: 'runs', workers: 1 },
          { queue: 'gpu', kind: 'steps', waiting: 1, workers: 0 },
        ]);
      gpu = await serveProject(env.address, { queues: { gpu: { slots: 1 } } });
    }
    expect(told).toEqual([['gpu', ['on-gpu']]]);
    expect(await run.result()).toEqual({ outcome: 'completed', output: 'done' });
    await Promise.all([runsOnly.end(), gpu?.end()]);
  });
});
