import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import { asking, askingTwice, failing } from '../fixtures/commands/workflows/contracts.js';
import { bundleFile } from '../support/bundle-file.js';
import { type SpawnedWorker, spawnWorker } from '../support/spawn-worker.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';
import { type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.js';

const project = fileURLToPath(new URL('../fixtures/commands', import.meta.url));
let engine: TestEngine;
let evertrain: Evertrain;
let receiver: WebhookReceiver;
let worker: SpawnedWorker;

beforeAll(async () => {
  engine = await startTestEngine();
  evertrain = await engine.connect();
  receiver = await webhookReceiver();
  worker = await newWorker();
});
afterAll(async () => {
  await worker?.kill();
  await evertrain?.close();
  await receiver?.down();
  await engine?.stop();
});

const newWorker = async () => {
  const { address, dataDir } = engine;
  const bundle = await bundleFile(`${project}/workflows/index.ts`, dataDir);
  return spawnWorker({ project, address, dataDir, bundle, webhook: receiver.url });
};
const noticesOf = (id: string) => receiver.received.filter(({ body }) => body['workflowId'] === id);
const keysOf = (id: string) => [...new Set(noticesOf(id).map(({ idempotencyKey }) => idempotencyKey))];

describe('the failure alert', () => {
  it('tells once that a run failed, before the run has closed', async () => {
    const run = await evertrain.start(failing, {}, { id: 'fails', provenance: false });
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_CODE_FAILED' });
    expect(noticesOf('fails')).toHaveLength(1);
    const [notice] = noticesOf('fails');
    expect(notice?.body).toMatchObject({ kind: 'run-failed', pipeline: 'failing', runId: run.runId });
    expect(notice?.body['message']).toContain('on purpose');
    expect(notice?.body['id']).toBe(notice?.idempotencyKey);
  });

  it('tells once of each question, also of the same one asked again, whatever letters its run has', async () => {
    const run = await evertrain.start(askingTwice, {}, { id: 'asks → ✅', provenance: false });
    await expect.poll(() => noticesOf('asks → ✅').length, { timeout: 10_000 }).toBe(1);
    await run.approve('go on?', { approved: true });
    await expect.poll(() => noticesOf('asks → ✅').length, { timeout: 10_000 }).toBe(2);
    await run.approve('go on?#2', { approved: true });
    await run.result();
    expect(noticesOf('asks → ✅')).toHaveLength(2);
    expect(keysOf('asks → ✅')).toHaveLength(2);
    expect(noticesOf('asks → ✅')[0]?.body).toMatchObject({
      kind: 'waiting-for-person',
      message: '"go on?" waits for an answer.',
    });
  });

  it('is delivered when the receiver comes back, and the question can be answered meanwhile', async () => {
    await receiver.down();
    const run = await evertrain.start(asking, {}, { id: 'receiver away', provenance: false });
    await expect.poll(async () => (await run.approvals()).length, { timeout: 10_000 }).toBe(1);
    await receiver.up();
    receiver.answerWith(503);
    await expect.poll(() => noticesOf('receiver away').length, { timeout: 15_000 }).toBe(1);
    receiver.answerWith(204);
    await expect.poll(() => noticesOf('receiver away').length, { timeout: 15_000 }).toBe(2);
    expect(keysOf('receiver away')).toHaveLength(1);
    await run.approve('ship it?', { approved: true });
    expect(await run.result()).toMatchObject({ outcome: 'completed' });
    expect(noticesOf('receiver away')).toHaveLength(2);
  });

  it('is told again under the same id when the worker is killed before the answer, and the run ends then', async () => {
    receiver.answerWith('nothing');
    const run = await evertrain.start(failing, {}, { id: 'killed', provenance: false });
    await expect.poll(() => noticesOf('killed').length, { timeout: 10_000 }).toBe(1);
    await worker.kill();
    receiver.answerWith(204);
    worker = await newWorker();
    const killedAt = performance.now();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_CODE_FAILED' });
    // Heartbeat 10 s, the retry 1 s, and room for a busy machine: not the 30 s that a notice may take.
    expect(performance.now() - killedAt).toBeLessThan(20_000);
    expect(noticesOf('killed')).toHaveLength(2);
    expect(keysOf('killed')).toHaveLength(1);
  });
});
