import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import { installRuntime } from '../../worker/log.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { learner, type learning } from '../fixtures/durability/model.js';
import { arrivals } from '../support/arrivals.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.js';

/** Far more signals a second than a model's workflow has tasks, were each of these one. */
const burst = {
  sent: 2_000,
  duplicates: 0.1,
  spoilt: 0,
  senders: 80,
  connections: 2,
  pauseMs: 100,
  alone: 0,
  kills: 3,
};
const suggested = 60;

let fixture: DurableProject;
let receiver: WebhookReceiver;
let model: Model<typeof learning>;

beforeAll(async () => {
  installRuntime('ERROR');
  receiver = await webhookReceiver();
  fixture = await durableProject('durability', [`limit.historyCount.suggestContinueAsNew=${suggested}`]);
  model = fixture.evertrain.model(learner);
});
afterAll(async () => {
  await fixture?.close();
  await receiver?.down();
});

const batch = (id: string) => ({ id, uri: `file:/${id}`, rows: 3, attributes: { effects: fixture.effects.url } });
const data = async () => (await model.state({ within: '30s' })).data;
const used = async () => (await data())?.counts.used;

describe('a burst of data', () => {
  it('is used once each, the worker killed three times, and the model continues as new in the middle of it', async () => {
    const found = await arrivals(fixture, { ...burst, seed: 20261123 });
    expect(found.failures).toEqual([]);
    expect(found.lives.length).toBeGreaterThan(1);
    const signals = found.lives.reduce((sum, life) => sum + life.signals, 0);
    expect(found.lives.reduce((sum, life) => sum + life.batches, 0)).toBe(burst.sent);
    expect(signals).toBeLessThan(burst.sent / 4);
    // It goes on at the next moment of rest, before which few signals come also when its worker is killed.
    expect(Math.max(...found.lives.map(({ events }) => events))).toBeLessThan(500);
  }, 240_000);

  it('in a list of which some are no batch is used but for those', async () => {
    await fixture.worker({ webhook: receiver.url });
    const before = await data();
    const raw = fixture.evertrain.client.workflow.getHandle(modelWorkflowId(learner.name));
    const list = [batch('one'), null, { id: 'no place', rows: 1 }, [batch('in a list')], batch('two'), batch('one')];
    await raw.signal(modelMessages.data, list);
    await raw.signal(modelMessages.data, []);
    await raw.signal(modelMessages.data, Array(1_001).fill(batch('too many')));
    await expect.poll(used, { timeout: 60_000 }).toBe((before?.counts.used ?? 0) + 2);
    const { counts, rejected } = (await data()) ?? { rejected: [] };
    expect(rejected.slice(-4).map(({ id }) => id)).toEqual(['?', 'no place', '?', '?']);
    expect(counts?.rejected).toBe((before?.counts.rejected ?? 0) + 4);
    expect(counts?.duplicates).toBe((before?.counts.duplicates ?? 0) + 1);
  }, 120_000);

  it('beyond what may wait is refused, of which people are told once, and may be sent again', async () => {
    const { effects } = fixture;
    const before = await data();
    effects.hold('learn/held');
    await model.dataArrived(batch('held'));
    await effects.began('learn/held');
    const many = Array.from({ length: 4_500 }, (_, n) => batch(`many-${n}`));
    await model.dataArrived(many);
    const notices = () => receiver.received.map(({ body }) => body).filter(({ kind }) => kind === 'data-refused');
    // A model that continues as new before it knows that its notice was taken tells again.
    const episodes = () => [...new Set(notices().map(({ facts }) => (facts as { since: number }).since))];
    await expect.poll(episodes, { timeout: 60_000 }).toHaveLength(1);
    await expect.poll(async () => (await data())?.refusing?.told, { timeout: 30_000 }).toBe(true);
    const { refusing, waiting, counts } = (await data()) ?? {};
    const facts = { since: refusing?.since, first: refusing?.id };
    expect(notices()[0]).toMatchObject({ pipeline: 'learner', facts });
    expect(refusing?.batches).toBe(many.length - (waiting?.length ?? 0));
    expect(counts?.rejected).toBe((before?.counts.rejected ?? 0) + (refusing?.batches ?? 0));
    effects.release('learn/held');
    const wanted = (before?.counts.used ?? 0) + 1;
    await expect.poll(used, { timeout: 60_000 }).toBe(wanted + (waiting?.length ?? 0));
    await model.dataArrived(many);
    await expect.poll(used, { timeout: 60_000 }).toBe(wanted + many.length);
    expect((await data())?.refusing).toBeUndefined();
    expect(episodes()).toHaveLength(1);
  }, 240_000);
});
