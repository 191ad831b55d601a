import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/protocol.js';
import { learner, type learning } from '../fixtures/durability/model.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { seeded } from '../support/random.js';
import { runRecord } from '../support/run-record.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const seed = 20261121;
const count = 400;
const duplicates = 100;
const senders = 8;

let fixture: DurableProject;
let model: Model<typeof learning>;
let worker: SpawnedWorker;

beforeAll(async () => {
  // A model of a year continues as new every few thousand events; here every few hundred, in the middle of trainings.
  fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=300']);
  model = fixture.evertrain.model(learner);
  worker = await fixture.worker();
});
afterAll(() => fixture?.close());

const batch = (id: string) => ({ id, uri: `file:/${id}`, rows: 3, attributes: { effects: fixture.effects.url } });
const data = async () => (await model.state({ within: '30s' })).data;
const settled = (wanted: number) => async () => {
  const found = await data();
  return found !== undefined && found.counts.used + found.counts.rejected === wanted ? 'settled' : found?.counts;
};
/** Ids that the trainings of the model were given, each as often as it was. */
async function trainedOn(): Promise<string[]> {
  const { trainings } = await model.state();
  const made = trainings.filter(({ outcome }) => outcome === 'completed');
  const inputs = await Promise.all(
    made.map(async ({ workflowId }) => (await fixture.evertrain.attach(workflowId).view()).input as { ids: string[] }),
  );
  return inputs.flatMap(({ ids }) => ids);
}

describe('data that arrives for a model', () => {
  it(`is used once each: ${count} batches and ${duplicates} duplicates, in random order from ${senders} senders, the worker killed three times`, async () => {
    const random = seeded(seed);
    const ids = Array.from({ length: count }, (_, n) => `batch-${n}`);
    const sent = [...ids, ...ids.slice(0, duplicates)].map((id) => [random(), id] as const).sort(([a], [b]) => a - b);
    const sending = Array.from({ length: senders }, async (_, sender) => {
      for (const [n, [, id]] of sent.entries()) if (n % senders === sender) await model.dataArrived(batch(id));
    });
    for (let kills = 0; kills < 3; kills++) {
      await new Promise((wake) => setTimeout(wake, 500 + random() * 1_000));
      await worker.kill();
      worker = await fixture.worker();
    }
    await Promise.all(sending);
    await expect.poll(settled(count), { timeout: 120_000, interval: 500 }).toBe('settled');
    const { counts, waiting, inTraining } = (await data()) ?? {};
    expect([waiting, inTraining]).toEqual([[], []]);
    expect(counts).toEqual({ received: count, duplicates, used: count, rejected: 0, rows: 3 * count });
    expect((await trainedOn()).sort()).toEqual([...ids].sort());
    const { versions } = await model.state();
    expect(versions.reduce((sum, version) => sum + (version.data?.newBatches ?? 0), 0)).toBe(count);
    const lives: { readonly length: number; readonly runId: string }[] = [];
    const query = `WorkflowId = '${modelWorkflowId('learner')}'`;
    for await (const { historyLength, runId } of fixture.evertrain.client.workflow.list({ query })) {
      lives.push({ length: historyLength, runId });
    }
    expect(lives.length).toBeGreaterThan(1);
    expect(Math.max(...lives.map(({ length }) => length))).toBeLessThan(10_240);
    expect(JSON.stringify(await model.state()).length).toBeLessThan(256_000);
    const ended = fixture.evertrain.attach(modelWorkflowId('learner'), lives.at(-1)?.runId);
    expect(await runRecord(fixture.engine.dataDir, ended)).toMatchObject({ status: { kind: 'continued' } });
  }, 240_000);

  it('gives its batches back when its training is terminated, of which the model hears when it continues as new', async () => {
    const { effects, evertrain } = fixture;
    const before = (await data())?.counts.used ?? 0;
    effects.hold('learn/held');
    await model.dataArrived(batch('held'));
    await effects.began('learn/held');
    const { training } = await model.state();
    await evertrain.attach(training?.workflowId ?? '').terminate('for the test');
    for (let n = 0; n < 120; n++) await model.dataArrived(batch(`more-${n}`));
    effects.release('learn/held');
    await expect.poll(async () => (await data())?.counts.used, { timeout: 60_000, interval: 500 }).toBe(before + 121);
    expect((await trainedOn()).filter((id) => id === 'held')).toEqual(['held']);
  }, 120_000);

  it('that a gate rejects is rejected, with the reason', async () => {
    await model.dataArrived(batch('poor-1'));
    await expect.poll(settled(count + 122), { timeout: 30_000 }).toBe('settled');
    expect((await data())?.rejected).toMatchObject([{ id: 'poor-1', reason: 'gate "data is usable"' }]);
  }, 60_000);

  it('that nobody should have sent is set aside with its reason, and the model goes on', async () => {
    const raw = fixture.evertrain.client.workflow.getHandle(modelWorkflowId('learner'));
    for (const given of [null, 'text', { id: 'no place', rows: 1 }, { id: 'no effects', uri: 'u', rows: 1 }]) {
      await raw.signal(modelMessages.data, given);
    }
    await expect.poll(settled(count + 126), { timeout: 30_000 }).toBe('settled');
    expect((await data())?.rejected.slice(1).map(({ id, reason }) => [id, /schema|has/.test(reason)])).toEqual([
      ['?', true],
      ['?', true],
      ['no place', true],
      ['no effects', true],
    ]);
    await model.dataArrived(batch('after all'));
    await expect.poll(settled(count + 127), { timeout: 30_000 }).toBe('settled');
    expect(await trainedOn()).toContain('after all');
  }, 90_000);

  it('is refused by the client where it is no batch', async () => {
    const wrong = { ...batch('x'), attributes: {} };
    await expect(model.dataArrived(wrong)).rejects.toMatchObject({ code: 'USER_SIGNAL_INVALID' });
    await expect(model.dataArrived({ ...batch('x'), rows: Number.NaN })).rejects.toThrow(/rows null/);
  });
});
