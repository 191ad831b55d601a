import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../client/model-handle.js';
import type { DriftRecord, ModelState } from '../../workflows/sdk/model/model-state.js';
import { drifting, type rivalling } from '../fixtures/durability/rival.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type HeldModelServer, heldModelServer } from '../support/held-model-server.js';
import { type ServedLoad, servedLoad } from '../support/served-load.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { untilModel } from '../support/until-model.js';
import { type WebhookReceiver, webhookReceiver } from '../support/webhook-receiver.js';

let fixture: DurableProject;
let server: HeldModelServer;
let webhook: WebhookReceiver;
let model: Model<typeof rivalling>;
let worker: SpawnedWorker;
let load: ServedLoad | undefined;

const startWorker = () => fixture.worker({ modelServer: server.address, webhook: webhook.url });

beforeAll(async () => {
  [fixture, webhook] = await Promise.all([durableProject('durability'), webhookReceiver()]);
  server = await heldModelServer(fixture.engine.dataDir);
  model = fixture.evertrain.model(drifting);
  worker = await startWorker();
});
afterEach(async () => {
  await load?.stop();
  load = undefined;
});
afterAll(async () => {
  await server?.close();
  await webhook?.down();
  await fixture?.close();
});

const until = (holds: (now: ModelState) => boolean) => untilModel(model, holds);
/** The next check of which that holds, of those that begin after now. */
async function nextCheck(holds: (record: DriftRecord) => boolean): Promise<DriftRecord | undefined> {
  const begun = (await model.state()).drift?.checks ?? 0;
  const isNew = ({ workflowId = '' }: DriftRecord) => Number(/check-(\d+)$/.exec(workflowId)?.[1]) > begun;
  const found = (now: ModelState) => now.drift?.records.find((one) => isNew(one) && holds(one));
  return found(await until((now) => found(now) !== undefined));
}
const trainings = async () => (await model.state()).trainings.length;
const notices = () => webhook.received.filter(({ body }) => body['kind'] === 'drift');

describe('what is asked of a served model', () => {
  it('is no drift while nobody asks, or while it is like what the champion was trained on', async () => {
    const attributes = { effects: fixture.effects.url, refers: true };
    await model.dataArrived({ id: 'first', uri: 'file:/first', rows: 1000, attributes });
    await until(({ champion }) => champion === '1');
    expect(await nextCheck(() => true)).toMatchObject({ rows: 0, isDrifted: false, reason: 'nothing was asked' });
    load = servedLoad(() => server.behind, { model: 'drifting' });
    const check = await nextCheck(({ rows }) => rows >= 250);
    expect(check).toMatchObject({ version: '1', isDrifted: false });
    expect(check?.worst?.[0]?.psi).toBeLessThan(0.1);
    expect([await trainings(), notices()]).toEqual([1, []]);
  }, 60_000);

  it('starts one training when it drifts, tells people, and starts no other one before the cool-down', async () => {
    load = servedLoad(() => server.behind, { model: 'drifting', from: 5_000 });
    const check = await nextCheck(({ isDrifted }) => isDrifted);
    expect(check).toMatchObject({ version: '1', training: 'a training was started' });
    expect(check?.reason).toMatch(/x/);
    expect(check?.worst?.[0]).toMatchObject({ name: 'x', isDrifted: true });
    await until(({ versions }) => versions.at(-1)?.version === '2' && versions.at(-1)?.stage === 'rejected');
    const again = await nextCheck(({ isDrifted }) => isDrifted);
    expect(again).toMatchObject({ training: 'no training: one was started not long ago' });
    expect(await trainings()).toBe(2);
    await expect.poll(() => notices().length, { timeout: 20_000 }).toBeGreaterThanOrEqual(1);
    expect(notices()[0]?.body).toMatchObject({
      pipeline: 'drifting',
      message: expect.stringContaining('has drifted from what version 1 was trained on') as string,
      facts: { version: '1', isDrifted: true },
    });
  }, 90_000);

  it('is looked at once each time, also when the worker dies meanwhile', async () => {
    load = servedLoad(() => server.behind, { model: 'drifting' });
    await until(({ driftCheck }) => driftCheck !== undefined);
    await worker.kill();
    worker = await startWorker();
    const check = await nextCheck(() => true);
    expect(check?.reason).not.toMatch(/not checked/);
    const checks = (await model.state()).drift?.records.map(({ workflowId = '' }) => Number(workflowId.split('-')[1]));
    expect(checks).toEqual(checks?.map((_, n) => (checks[0] ?? 0) + n));
  }, 90_000);

  it('is looked at less often once a person says so', async () => {
    await model.configure({ drift: { every: '1 day' } });
    const { drift } = await until(({ driftCheck }) => driftCheck === undefined);
    await new Promise((wake) => setTimeout(wake, 4_000));
    expect((await model.state()).drift?.checks).toBe(drift?.checks);
  }, 60_000);
});
