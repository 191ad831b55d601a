import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deriveSeed } from '../../workflows/sdk/digest.js';
import { crowd, strictCrowd } from '../fixtures/durability/contracts.js';
import { crowdUnderFire } from '../support/crowd.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
});
afterAll(() => fixture?.close());

describe('a fan-out of more items than its run has room for', () => {
  // The soak does 10,000.
  it('under kills of its worker: each effect once, results in order, a poisoned item costs itself only, also again', async () => {
    const { effects, evertrain } = fixture;
    const options = { under: 'fire', items: 2_001, inChunk: 200, kills: 1, poisoned: [17, 2_000], seed: 1 };
    const { failures, events, workflowId } = await crowdUnderFire(fixture, options);
    expect(failures).toEqual([]);
    expect(events).toBeLessThan(1_000);
    const last = await evertrain.attach(`${workflowId}/member[2000-2000]`).view();
    const id = 'member[2000]/member';
    expect(last.steps).toMatchObject([{ id, groups: ['member'], seed: deriveSeed(1, id) }]);
    await fixture.worker();
    const begins = effects.begins();
    const again = await evertrain.rerun(workflowId, { from: id, provenance: false });
    expect(again.again).toEqual(['member[2000-2000]']);
    expect(await again.result()).toEqual(await evertrain.attach(workflowId).result());
    expect([effects.begins() - begins, effects.begun('fire/2000')]).toEqual([1, 2]);
    expect((await again.view()).fanOuts).toMatchObject([{ ended: 2_001, failed: 2 }]);
  }, 300_000);

  it('ends within seconds when its run is cancelled, and no chunk outlives it', async () => {
    const { effects, evertrain } = fixture;
    const held = [0, 200, 400, 600].map((n) => `cancelled/${n}`);
    for (const key of held) effects.hold(key);
    const input = { effects: effects.url, under: 'cancelled', items: 2_001, atMost: 4 };
    const run = await evertrain.start(crowd, input, { provenance: false });
    await Promise.all(held.map((key) => effects.began(key)));
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    const { children } = await run.view();
    expect(children.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
    expect(held.map((key) => effects.count(key))).toEqual([0, 0, 0, 0]);
    expect(effects.begun('cancelled/1')).toBe(0);
  }, 60_000);

  it('that must not fail ends with the first failure, its other chunks cancelled', async () => {
    const { effects, evertrain } = fixture;
    const held = [0, 200, 400, 600].map((n) => `strict/${n}`);
    for (const key of held) effects.hold(key);
    const input = { effects: effects.url, under: 'strict', items: 2_001, atMost: 4, poisoned: [400] };
    const run = await evertrain.start(strictCrowd, input, { provenance: false });
    await Promise.all(held.map((key) => effects.began(key)));
    effects.release('strict/400');
    const failure = { code: 'USER_DATA_MALFORMED', message: expect.stringContaining('"member[400]/member" failed') };
    await expect(run.result()).rejects.toMatchObject(failure);
    const { children } = await run.view();
    expect(children.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'failed', 'cancelled']);
  }, 60_000);
});
