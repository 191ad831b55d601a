import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { descendantsOf, isAlive } from '../support/python-project.js';
import { chain, elsewhere, training, wide } from '../fixtures/durability/contracts.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
});
afterAll(() => fixture?.close());

const keys = (name: string, count: number) => Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe('a worker killed by SIGKILL', () => {
  it('in the middle of a step: the run ends right on a new worker, and no finished step runs again', async () => {
    const { effects, evertrain } = fixture;
    const input = { effects: effects.url, keys: keys('chain', 4) };
    const first = await fixture.worker();
    effects.hold('chain-2');
    const run = await evertrain.start(chain, input, { provenance: false });
    await effects.began('chain-2');
    await first.kill();
    effects.release('chain-2');
    const second = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: input.keys });
    expect(input.keys.map((key) => effects.count(key))).toEqual([1, 1, 1, 1]);
    expect(input.keys.map((key) => effects.begun(key))).toEqual([1, 1, 2, 1]);
    const { steps } = await run.view();
    expect(steps.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['completed', 1],
      ['completed', 1],
      ['completed', 2],
      ['completed', 1],
    ]);
    await second.stop();
  });

  it('is noticed within the heartbeat, and a worker that lives takes the step over', async () => {
    const { effects, evertrain } = fixture;
    const first = await fixture.worker();
    effects.hold('noticed');
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['noticed'] }, { provenance: false });
    await effects.began('noticed');
    const second = await fixture.worker();
    await first.kill();
    const killedAt = performance.now();
    await effects.began('noticed', 2);
    // The heartbeat is 2 s and the retry waits 0.1 s; the rest is left for a busy machine.
    expect(performance.now() - killedAt).toBeLessThan(4_000);
    effects.release('noticed');
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['noticed'] });
    // The run itself was in the dead worker's memory, which the engine gives up after 5 s.
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    expect(effects.count('noticed')).toBe(1);
    await second.stop();
  });

  it('before a step starts, which the engine had given it already: the next worker does it, once', async () => {
    const { effects, evertrain } = fixture;
    const runs = await fixture.worker({ queues: { evertrain: {} } });
    const first = await fixture.worker({ queues: { apart: { slots: 1 } } });
    const start = (key: string) =>
      evertrain.start(elsewhere, { effects: effects.url, keys: [key] }, { provenance: false });
    await (await start('served')).result();
    // It has asked for more work and stands still, so the engine gives it the step, and it never begins.
    first.pause();
    const run = await start('given');
    await expect.poll(async () => (await run.view()).steps[0]?.status, { timeout: 10_000 }).toBe('running');
    await first.kill();
    const second = await fixture.worker({ queues: { apart: {} } });
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['given'] });
    expect([effects.begun('given'), effects.count('given')]).toEqual([1, 1]);
    expect((await run.view()).steps).toMatchObject([{ status: 'completed', attempt: 2 }]);
    await Promise.all([runs.stop(), second.stop()]);
  });

  it('while a step waits for a place on it: nothing of it is lost', async () => {
    const { effects, evertrain } = fixture;
    const runs = await fixture.worker({ queues: { evertrain: {} } });
    const first = await fixture.worker({ queues: { apart: { slots: 1 } } });
    effects.hold('busy');
    const [busy, waits] = await Promise.all(
      ['busy', 'waits'].map(async (key) => {
        if (key === 'waits') await effects.began('busy');
        return evertrain.start(elsewhere, { effects: effects.url, keys: [key] }, { provenance: false });
      }),
    );
    await expect.poll(async () => (await waits?.view())?.steps[0]?.status, { timeout: 10_000 }).toBe('queued');
    await first.kill();
    effects.release('busy');
    const second = await fixture.worker({ queues: { apart: {} } });
    for (const run of [busy, waits]) expect(await run?.result()).toMatchObject({ outcome: 'completed' });
    expect([effects.count('busy'), effects.count('waits'), effects.begun('waits')]).toEqual([1, 1, 1]);
    await Promise.all([runs.stop(), second.stop()]);
  });

  it('during a fan-out: every item has its effect once, in order, and only open ones begin again', async () => {
    const { effects, evertrain } = fixture;
    const input = { effects: effects.url, keys: keys('wide', 12) };
    const first = await fixture.worker();
    const stuck = ['wide-4', 'wide-5', 'wide-6', 'wide-7'];
    for (const key of stuck) effects.hold(key);
    const run = await evertrain.start(wide, input, { provenance: false });
    await Promise.all(stuck.map((key) => effects.began(key)));
    await first.kill();
    for (const key of stuck) effects.release(key);
    const second = await fixture.worker({ cachedRuns: 0 });
    expect(await run.result()).toEqual({ outcome: 'completed', output: input.keys });
    expect(input.keys.map((key) => effects.count(key))).toEqual(input.keys.map(() => 1));
    expect(input.keys.map((key) => effects.begun(key))).toEqual(input.keys.map((key) => (stuck.includes(key) ? 2 : 1)));
    await second.stop();
  });

  it('in a Python training: its processes end, and it goes on from the checkpoint and repeats one epoch at most', async () => {
    const { effects, evertrain } = fixture;
    const first = await fixture.worker();
    effects.hold('checkpoint-3');
    const run = await evertrain.start(training, { effects: effects.url, epochs: 6 }, { provenance: false });
    await effects.began('checkpoint-3');
    const left = process.platform === 'linux' ? descendantsOf(first.pid) : [];
    await first.kill();
    await expect.poll(() => left.filter(isAlive), { timeout: 10_000 }).toEqual([]);
    effects.release('checkpoint-3');
    const second = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: { epochs: 6, resumed_from: 3 } });
    const counts = [0, 1, 2, 3, 4, 5].map((epoch) => effects.count(`epoch-${epoch}`));
    expect(counts).toEqual([1, 1, 1, 2, 1, 1]);
    await second.stop();
  });
});
