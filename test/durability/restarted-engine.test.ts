import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chain, shipping } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
});
afterAll(() => fixture?.close());

describe('engine and worker killed together', () => {
  it('and started again on the same data folder: the unfinished run goes on, finished steps do not run again', async () => {
    const { effects, engine, evertrain } = fixture;
    const input = { effects: effects.url, keys: ['one', 'two', 'three'] };
    const first = await fixture.worker();
    effects.hold('two');
    const run = await evertrain.start(chain, input, { provenance: false });
    await effects.began('two');
    await Promise.all([engine.kill(), first.kill()]);
    effects.release('two');
    await engine.restart();
    const second = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: input.keys });
    expect(input.keys.map((key) => effects.count(key))).toEqual([1, 1, 1]);
    await second.stop();
  });

  it('while a run waits for a person: the question is still open, and the answer counts', async () => {
    const { effects, engine, evertrain } = fixture;
    const first = await fixture.worker();
    const run = await evertrain.start(shipping, { effects: effects.url }, { provenance: false });
    await expect.poll(async () => (await run.approvals()).length, { timeout: 20_000 }).toBe(1);
    await Promise.all([engine.kill(), first.kill()]);
    await engine.restart();
    const second = await fixture.worker();
    const [open] = await run.approvals();
    expect(open).toMatchObject({ id: 'ship?', state: 'waiting', facts: { accuracy: 0.9 } });
    await run.approve('ship?', { approved: true });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { approved: true } });
    expect([effects.count('prepared'), effects.count('shipped')]).toEqual([1, 1]);
    await second.stop();
  });
});
