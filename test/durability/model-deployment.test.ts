import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import { modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { memo } from '../../workflows/sdk/protocol.js';
import { bundleFile } from '../support/bundle-file.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';
import { type SpawnedWorker, spawnWorker } from '../support/spawn-worker.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

let engine: TestEngine;
let effects: EffectServer;
let evertrain: Evertrain;
let worker: SpawnedWorker;

const serve = async (code: 'before' | 'after') => {
  const project = fileURLToPath(new URL(`../fixtures/deployed/${code}`, import.meta.url));
  return spawnWorker({ ...engine, project, bundle: await bundleFile(`${project}/workflows.ts`, engine.dataDir) });
};
const arrives = (id: string) =>
  evertrain.model('deployed').dataArrived({ id, uri: `file:/${id}`, rows: 1, attributes: { effects: effects.url } });
const state = () => evertrain.model('deployed').state({ within: '30s' });
const used = async () => (await state()).data?.counts.used;
const execution = async () => {
  const { runId, memo: notes } = await evertrain.client.workflow.getHandle(modelWorkflowId('deployed')).describe();
  return { runId, code: notes?.[memo.code] };
};

beforeAll(async () => {
  [engine, effects] = await Promise.all([startTestEngine(), effectServer()]);
  evertrain = await engine.connect();
  worker = await serve('before');
});
afterAll(async () => {
  await worker?.kill();
  await evertrain?.close();
  await effects?.close();
  await engine?.stop();
});

describe('a model that is open while its code changes', () => {
  let before: Awaited<ReturnType<typeof execution>>;

  it('goes by what its code declared, and says which code that was', async () => {
    await arrives('waiting');
    await expect.poll(async () => (await state()).data?.waiting.length, { timeout: 20_000 }).toBe(1);
    expect((await state()).policy).toEqual({ promotion: 'manual', retrainWhen: { batches: 10 } });
    before = await execution();
    expect(before.code).toMatch(/^[0-9a-f]{12}$/);
  });

  it('is left alone by a worker that starts again on the same code', async () => {
    await worker.kill();
    worker = await serve('before');
    await new Promise((wake) => setTimeout(wake, 2_500));
    expect(await execution()).toEqual(before);
  });

  it('moves on to the new code by itself, and does what that says: the batch that waited is trained on', async () => {
    await worker.kill();
    worker = await serve('after');
    await expect.poll(used, { timeout: 30_000 }).toBe(1);
    expect(effects.begun('after')).toBe(1);
    expect((await state()).policy).toEqual({ promotion: 'manual', retrainWhen: { batches: 1 } });
    const after = await execution();
    expect(after.runId).not.toBe(before.runId);
    expect(after.code).not.toBe(before.code);
  }, 60_000);

  it('keeps what it was told by a person, until the code declares something else', async () => {
    await evertrain.model('deployed').configure({ retrainWhen: { batches: 2 } }, { actor: 'ann' });
    await arrives('first of two');
    await worker.kill();
    worker = await serve('after');
    await arrives('second of two');
    await expect.poll(used, { timeout: 30_000 }).toBe(3);
    expect((await state()).trainings).toHaveLength(2);
    await worker.kill();
    worker = await serve('before');
    await expect
      .poll(async () => (await state()).policy, { timeout: 30_000 })
      .toEqual({ promotion: 'manual', retrainWhen: { batches: 10 } });
  }, 90_000);

  it('trains on each batch once while two workers serve it with different code', async () => {
    const other = await serve('after');
    const ids = Array.from({ length: 60 }, (_, n) => `mixed-${n}`);
    for (const id of ids) await arrives(id);
    await other.kill();
    await worker.kill();
    worker = await serve('after');
    await expect.poll(used, { timeout: 60_000 }).toBe(63);
    // A step that a kill interrupts is begun again, so what counts is the trainings of a batch, not its effects.
    const trainedOn = Object.keys(effects.counts()).map((effect) => effect.split('@')[0]);
    expect(ids.map((id) => trainedOn.filter((one) => one === id).length)).toEqual(ids.map(() => 1));
    const { data } = await state();
    expect([data?.waiting, data?.inTraining, data?.rejected]).toEqual([[], [], []]);
  }, 120_000);
});
