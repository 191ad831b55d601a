import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../../client/run.js';
import { cached, cachedFails, cachedWide } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

let fixture: DurableProject;
let workers: SpawnedWorker[];
let key: string;

beforeAll(async () => {
  fixture = await durableProject();
  workers = await Promise.all([fixture.worker(), fixture.worker()]);
});
afterAll(() => fixture?.close());
beforeEach(({ task }) => {
  key = task.name;
  fixture.effects.hold(key);
});

type Pipeline = typeof cached | typeof cachedFails | typeof cachedWide;

const start = async (pipeline: Pipeline, keys: readonly string[] = [key]): Promise<Run> =>
  fixture.evertrain.start(
    pipeline as typeof cached,
    { effects: fixture.effects.url, keys: [...keys] },
    { provenance: false },
  );

/** A run whose step is at work. */
async function holder(pipeline: Pipeline = cached, keys: readonly string[] = [key]): Promise<Run> {
  const run = await start(pipeline, keys);
  await fixture.effects.began(key);
  return run;
}

/** Starts a run, and waits until so many of its calls wait for another's. */
async function waiter(pipeline: Pipeline = cached, keys: readonly string[] = [key], calls = 1): Promise<Run> {
  const run = await start(pipeline, keys);
  await waits(run, calls);
  return run;
}

async function waits(run: Run, calls: number): Promise<void> {
  const waiting = async () => (await run.view()).steps.filter((step) => step.status === 'queued' && step.waitsFor);
  while ((await waiting()).length !== calls) await new Promise((wake) => setTimeout(wake, 50));
}

const source = ({ workflowId, runId }: Run) => ({ workflowId, runId, stepId: 'effect.cached' });

/** The call that waited is known to follow the one before it, as any other. */
const afterTheFirst = { from: 'effect.cached', to: 'effect.cached#2', kind: 'cause', approximate: true };

describe('a cached step that several calls need at the same time', () => {
  it('is done once for twenty calls in two runs on two workers', async () => {
    const ten = Array.from({ length: 10 }, () => key);
    const runs = await Promise.all([start(cachedWide, ten), start(cachedWide, ten)]);
    await fixture.effects.began(key);
    const views = async () => Promise.all(runs.map((run) => run.view()));
    const waiting = async () => (await views()).flatMap(({ steps }) => steps).filter((step) => 'waitsFor' in step);
    while ((await waiting()).length !== 19) await new Promise((wake) => setTimeout(wake, 50));
    fixture.effects.release(key);
    for (const run of runs) expect(await run.result()).toEqual({ outcome: 'completed', output: 10 });
    expect([fixture.effects.begun(key), fixture.effects.count(key)]).toEqual([1, 1]);
    const steps = (await views()).flatMap(({ runId, steps: all }) => all.map((step) => ({ runId, ...step })));
    const [done, ...others] = steps.filter(({ status }) => status === 'completed');
    expect(others).toEqual([]);
    const hits = steps.filter((step) => step.status === 'cached');
    expect(hits).toHaveLength(19);
    for (const hit of hits) {
      expect(hit).toMatchObject({
        output: { key },
        input: { key },
        cacheSource: { runId: done?.runId, stepId: done?.id },
      });
    }
  });

  it('is done by one of those who wait when the run that does it is terminated', async () => {
    const first = await holder();
    const waiting = [await waiter(), await waiter(), await waiter()];
    await first.terminate('on purpose');
    await fixture.effects.began(key, 2);
    fixture.effects.release(key);
    for (const run of waiting) expect(await run.result()).toEqual({ outcome: 'completed', output: [key] });
    expect(fixture.effects.begun(key)).toBe(2);
    const ends = await Promise.all(waiting.map(async (run) => (await run.view()).steps.map(({ status }) => status)));
    expect(ends.flat().toSorted()).toEqual(['cached', 'cached', 'completed']);
  });

  it('is done by one of those who wait when the run that does it is cancelled', async () => {
    const first = await holder();
    const second = await waiter(cached, ['before it', key]);
    await first.cancel();
    await fixture.effects.began(key, 2);
    fixture.effects.release(key);
    expect(await second.result()).toEqual({ outcome: 'completed', output: ['before it', key] });
    expect((await second.view()).edges).toContainEqual(afterTheFirst);
    expect(fixture.effects.begun(key)).toBe(2);
  });

  it('is tried by one after the other when it fails for good, though the runs go on', async () => {
    const { effects } = fixture;
    effects.hold(`${key} after`);
    const first = await holder(cachedFails, [key, `${key} after`]);
    const second = await waiter(cachedFails, [key, `${key} after`]);
    effects.release(key);
    await effects.began(key, 2);
    await effects.began(`${key} after`, 2);
    effects.release(`${key} after`);
    for (const run of [first, second]) expect(await run.result()).toMatchObject({ outcome: 'completed' });
    expect(effects.begun(key)).toBe(2);
  });

  it('is not done by a run that is cancelled while it waits', async () => {
    const first = await holder();
    const second = await waiter();
    const third = await waiter();
    await second.cancel();
    await expect(second.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    fixture.effects.release(key);
    for (const run of [first, third]) expect(await run.result()).toEqual({ outcome: 'completed', output: [key] });
    expect([fixture.effects.begun(key), fixture.effects.count(key)]).toEqual([1, 1]);
    expect((await third.view()).steps[0]).toMatchObject({ status: 'cached', cacheSource: source(first) });
  });

  it('stays with the run that does it when all workers are killed', async () => {
    const first = await holder();
    const second = await waiter(cached, ['before that', key]);
    await Promise.all(workers.map((worker) => worker.kill()));
    workers = [await fixture.worker()];
    await fixture.effects.began(key, 2);
    fixture.effects.release(key);
    expect(await first.result()).toEqual({ outcome: 'completed', output: [key] });
    expect(await second.result()).toEqual({ outcome: 'completed', output: ['before that', key] });
    expect([fixture.effects.begun(key), fixture.effects.count(key)]).toEqual([2, 1]);
    expect((await first.view()).steps[0]).toMatchObject({ status: 'completed', attempt: 2 });
    const { steps, edges } = await second.view();
    expect(steps[1]).toMatchObject({ status: 'cached', cacheSource: source(first) });
    expect(edges).toContainEqual(afterTheFirst);
  }, 60_000);
});
