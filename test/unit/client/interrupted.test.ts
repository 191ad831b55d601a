import { setTimeout as sleep } from 'node:timers/promises';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../../client/connect.js';
import type { Evertrain } from '../../../client/evertrain.js';
import { isEvertrainError } from '../../../workflows/sdk/errors.js';
import { flakyProxy } from './support/flaky-proxy.js';
import { classifier, gated, shipping } from './support/project.js';
import { quiet, rawWorker } from './support/raw-worker.js';
import { startTemporal } from './support/temporal-server.js';

let env: TestWorkflowEnvironment;
let proxy: Awaited<ReturnType<typeof flakyProxy>>;
let evertrain: Evertrain;

beforeAll(async () => {
  quiet();
  env = await startTemporal();
  proxy = await flakyProxy(env.address);
  evertrain = await connect({ address: proxy.address });
});
afterAll(async () => {
  await evertrain?.close();
  await proxy?.close();
  await env?.teardown();
});

describe('while no worker runs', () => {
  test('an answer is said not to be recorded, in time', async () => {
    const run = await evertrain.start(shipping, {}, { provenance: false });
    const began = performance.now();
    const error = await run.approve('ship?', { approved: true }, { within: '1s' }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SYSTEM_NOT_RECORDED' });
    expect(String(error)).toContain('not recorded: no worker took it within 1s');
    expect(performance.now() - began).toBeLessThan(3_000);
    await run.terminate('enough');
  });

  test('a training and a question to a model say so too', async () => {
    const model = evertrain.model(classifier);
    const training = model.train({ rows: 3 }, { within: '1s', provenance: false });
    await expect(training).rejects.toMatchObject({ code: 'SYSTEM_NOT_RECORDED' });
    const asked = model.state({ within: '1s' });
    await expect(asked).rejects.toThrow(/No worker answered for model "classifier" within 1s/);
  });
});

describe('an engine that goes away', () => {
  test('is told by the events, which go on when it is back, and each happening comes once', async () => {
    const handle = await env.client.workflow.start('waits', { taskQueue: 'raw', workflowId: 'waits' });
    const worker = await rawWorker(env, 'raw');
    const types: string[] = [];
    await worker.runUntil(async () => {
      for await (const event of evertrain.attach('waits').events()) {
        types.push(event.type === 'approval' ? `approval ${event.approval.state}` : event.type);
        if (types.at(-1) === 'approval waiting') proxy.cut();
        if (event.type !== 'disconnected') continue;
        await handle.executeUpdate('evertrain.approve', { args: [{ id: 'ship', answer: true }] });
        await handle.signal('go', {});
        proxy.mend();
      }
    });
    expect(types.slice(0, 4)).toEqual(['approval waiting', 'disconnected', 'reconnected', 'approval answered']);
    expect(types.filter((type) => type === 'step-completed')).toHaveLength(3);
    expect(new Set(types).has('signal') && new Set(types).has('gate')).toBe(true);
    expect(types.at(-1)).toBe('closed');
  });

  test('follows a run into the one that continues it', async () => {
    await env.client.workflow.start('again', { taskQueue: 'raw', workflowId: 'again', args: [2] });
    const types: string[] = [];
    const worker = await rawWorker(env, 'raw');
    const run = evertrain.attach('again');
    await worker.runUntil(async () => {
      for await (const event of run.events()) types.push(event.type);
    });
    expect(types.filter((type) => type === 'continued').length).toBeGreaterThan(0);
    expect(types.at(-1)).toBe('closed');
  });

  test('fails what cannot wait, naming the address', async () => {
    proxy.cut();
    const started = evertrain.start(gated, { value: 1 }, { provenance: false });
    await expect(started).rejects.toMatchObject({ code: 'SYSTEM_ENGINE_UNREACHABLE', value: proxy.address });
    proxy.mend();
  });

  test('ends what is under way when the connection is closed meanwhile, and harms nobody', async () => {
    const own = await connect({ address: proxy.address });
    const listed = own.list().then(() => 'listed');
    await listed;
    proxy.cut();
    const asked = own.list().catch((error: unknown) => error);
    await sleep(150);
    await own.close();
    expect(isEvertrainError(await asked)).toBe(true);
    // The client's next try would come now; an exception in it would fail this test run.
    await sleep(1_500);
    proxy.mend();
  });
});
