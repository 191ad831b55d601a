import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import { installRuntime } from '../../worker/log.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { learner, type learning } from '../fixtures/durability/model.js';
import { arrivals } from '../support/arrivals.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const count = 400;
const reduced = { sent: 500, duplicates: 0.2, spoilt: 0, senders: 8, alone: 0.3, kills: 3 };

let fixture: DurableProject;
let model: Model<typeof learning>;

beforeAll(async () => {
  installRuntime('ERROR');
  // A model of a year continues as new every few thousand events; here every few hundred, in the middle of trainings.
  fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=300']);
  model = fixture.evertrain.model(learner);
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
  it('is used once each: 400 batches and 100 duplicates, in random order from 8 senders, the worker killed three times', async () => {
    const found = await arrivals(fixture, { ...reduced, seed: 20261121 });
    expect(found.failures).toEqual([]);
    expect(found.batches).toBe(count);
    expect(found.lives.length).toBeGreaterThan(1);
    await fixture.worker();
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
