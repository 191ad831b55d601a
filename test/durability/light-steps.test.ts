import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Run } from '../../client/run.js';
import { loadBundle } from '../../worker/bundle.js';
import { builtIn } from '../../workflows/sdk/protocol.js';
import { lightChain, lightFailing, lightFatal, lightItems, lightMix, lightOne } from '../fixtures/durability/light.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { replayHistory } from '../support/histories.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  fixture = await durableProject();
  worker = await fixture.worker();
});
afterAll(() => fixture?.close());

const keysOf = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
const provenance = false;

async function historyOf({ workflowId, runId }: Run) {
  return fetchHistory(fixture.evertrain.client, workflowId, runId);
}

async function replays(run: Run): Promise<void> {
  await replayHistory(await loadBundle(fixture.bundle), await historyOf(run));
}

describe('light steps', () => {
  it('run in one workflow task, and are seen as any step is', async () => {
    const { effects, evertrain } = fixture;
    const keys = keysOf('chain', 3);
    const run = await evertrain.start(lightChain, { effects: effects.url, keys }, { provenance });
    expect(await run.result()).toEqual({ outcome: 'completed', output: keys });
    expect(keys.map((key) => [effects.begun(key), effects.count(key)])).toEqual(keys.map(() => [1, 1]));
    const { events = [] } = await historyOf(run);
    expect(events?.filter((event) => event.activityTaskScheduledEventAttributes)).toEqual([]);
    expect(events?.filter((event) => event.workflowTaskCompletedEventAttributes)).toHaveLength(1);
    const { steps, edges, timers } = await run.view();
    expect(timers).toEqual([]);
    expect(steps).toMatchObject(
      keys.map((key, n) => ({
        id: n === 0 ? 'note' : `note#${n + 1}`,
        name: 'note',
        status: 'completed',
        light: true,
        attempt: 1,
        input: { effects: effects.url, key },
        output: { key, attempt: 1 },
        summary: n === 0 ? 'note' : `note#${n + 1}`,
      })),
    );
    expect(edges).toEqual([
      { from: 'note', to: 'note#2', kind: 'cause', approximate: true },
      { from: 'note#2', to: 'note#3', kind: 'cause', approximate: true },
    ]);
    for (const step of steps) {
      if (step.status !== 'completed') continue;
      expect(step.queue).toBeUndefined();
      expect(step.endedAt).toBeGreaterThanOrEqual(step.startedAt);
      expect(step.startedAt).toBeGreaterThanOrEqual((await run.view()).startedAt);
    }
    await replays(run);
  });

  it('at once, among cached and normal ones, replay', async () => {
    const { effects, evertrain } = fixture;
    for (const round of ['first', 'second']) {
      const keys = keysOf(round, 20);
      const run = await evertrain.start(lightMix, { effects: effects.url, keys }, { provenance });
      const result = await run.result();
      const output = keys.map((key, n) => {
        const after = `${key}/after`;
        return n % 2 === 0 ? [`${key}/before`, `${n % 5}`, after] : [`${n % 5}`, after];
      });
      expect(result).toEqual({ outcome: 'completed', output });
      expect(keys.map((key) => effects.count(`${key}/after`))).toEqual(keys.map(() => 1));
      const { steps } = await run.view();
      expect(steps.filter(({ light, status }) => light && status === 'completed').length).toBeGreaterThan(15);
      if (round === 'second') expect(steps.filter(({ status }) => status === 'cached')).toHaveLength(20);
      await replays(run);
    }
  });

  it('fail as any step does: final codes at once, others after the attempts of their policy', async () => {
    const { effects, evertrain } = fixture;
    const run = async (key: string, how: object) => {
      const started = await evertrain.start(lightFailing, { effects: effects.url, key, ...how }, { provenance });
      const result = await started.result();
      if (result.outcome !== 'completed') throw new Error(result.outcome);
      const begun = ['note.only', 'note.strict', 'note'].map((name) => effects.begun(`${key}/${name}`));
      await replays(started);
      const { steps } = await started.view();
      return { output: result.output, begun, steps };
    };
    const wrong = await run('wrong', { isWrong: true });
    const malformed = { status: 'rejected', code: 'USER_DATA_MALFORMED' };
    expect(wrong).toMatchObject({ output: [malformed, malformed, malformed], begun: [1, 1, 1] });
    const seen = { status: 'failed', attempt: 1, failure: { code: 'USER_DATA_MALFORMED' } };
    expect(wrong.steps).toMatchObject([seen, seen, seen]);
    const failed = { status: 'rejected', code: 'USER_CODE_FAILED' };
    const passing = await run('passing', { fails: 2 });
    expect(passing).toMatchObject({
      output: [failed, failed, { status: 'fulfilled', value: { attempt: 3 } }],
      begun: [1, 1, 3],
    });
    expect(passing.steps).toMatchObject([
      { id: 'notes[0]/note.only', groups: ['notes'], status: 'failed', attempt: 1 },
      { id: 'notes[1]/note.strict', status: 'failed', attempt: 1 },
      { id: 'notes[2]/note', status: 'completed', attempt: 3, queue: 'evertrain', light: true },
    ]);
    const lasting = await run('lasting', { fails: 9 });
    expect(lasting).toMatchObject({ output: [failed, failed, failed], begun: [1, 1, 3] });
  });

  it('name themselves in the failure of their run', async () => {
    const { effects, evertrain } = fixture;
    const input = { effects: effects.url, key: 'named', isWrong: true };
    const run = await evertrain.start(lightOne, input, { provenance });
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
    expect((await run.view()).status).toMatchObject({ kind: 'failed', stepId: 'note.short' });
  });

  it('that last too long go on as a normal step', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('long');
    const run = await evertrain.start(lightOne, { effects: effects.url, key: 'long' }, { provenance });
    await effects.began('long', 2);
    const steps = async () => (await run.view()).steps;
    await expect.poll(steps, { timeout: 10_000 }).toMatchObject([{ status: 'running', attempt: 2 }]);
    effects.release('long');
    expect(await run.result()).toEqual({ outcome: 'completed', output: { key: 'long', attempt: 2 } });
    expect([effects.begun('long'), effects.count('long')]).toEqual([2, 1]);
    expect((await run.view()).steps).toMatchObject([{ status: 'completed', attempt: 2, queue: 'evertrain' }]);
    await replays(run);
  });

  it('are not begun again when their run is cancelled', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('cancelled');
    const run = await evertrain.start(lightOne, { effects: effects.url, key: 'cancelled' }, { provenance });
    await effects.began('cancelled');
    await run.cancel();
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect([effects.begun('cancelled'), effects.count('cancelled')]).toEqual([1, 0]);
    expect((await run.view()).steps).toMatchObject([{ status: 'cancelled', light: true }]);
    await replays(run);
  });
});

describe('light steps of a fan-out', () => {
  const localActivities = async (run: Run) => {
    const { events } = await historyOf(run);
    return (events ?? []).filter((event) => event.markerRecordedEventAttributes?.markerName === 'core_local_activity');
  };

  it('go together: each once, in order, seen as any step, and with few events', async () => {
    const { effects, evertrain } = fixture;
    const items = keysOf('together', 250).map((key) => ({ effects: effects.url, key }));
    const run = await evertrain.start(lightItems, { items }, { provenance });
    expect(await run.result()).toEqual({ outcome: 'completed', output: items.map(({ key }) => `${key} 0`) });
    expect(items.filter(({ key }) => effects.begun(key) !== 1 || effects.count(key) !== 1)).toEqual([]);
    const { steps } = await run.view();
    expect(steps).toHaveLength(250);
    expect(steps.map(({ id }) => id).sort()).toEqual(items.map((_, n) => `items[${n}]/note.short`).sort());
    const seventh = steps.find(({ id }) => id === 'items[7]/note.short');
    expect(seventh).toMatchObject({
      name: 'note.short',
      groups: ['items'],
      status: 'completed',
      light: true,
      attempt: 1,
      summary: 'items[7]/note.short',
      input: items[7],
      output: { key: 'together-7', attempt: 1 },
    });
    expect((await localActivities(run)).length).toBeLessThan(20);
    expect((await historyOf(run)).events?.length).toBeLessThan(100);
    await replays(run);
  });

  it('fail each by itself: for good, for a normal attempt, by time', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('late');
    const item = (key: string, how: object = {}) => ({ effects: effects.url, key, ...how });
    const items = [
      item('first'),
      item('wrong', { isWrong: true }),
      item('passing', { fails: 1 }),
      item('late'),
      item('lasting', { fails: 9 }),
      item('last'),
    ];
    const run = await evertrain.start(lightItems, { items }, { provenance });
    await effects.began('late', 2);
    effects.release('late');
    const output = ['first 0', 'USER_DATA_MALFORMED', 'passing 0', 'late 0', 'USER_CODE_FAILED', 'last 0'];
    expect(await run.result()).toEqual({ outcome: 'completed', output });
    expect(items.map(({ key }) => effects.begun(key))).toEqual([1, 1, 2, 2, 3, 1]);
    expect(items.map(({ key }) => effects.count(key))).toEqual([1, 0, 1, 1, 0, 1]);
    const { steps } = await run.view();
    const seen = new Map(steps.map((step) => [step.id, step]));
    expect(items.map((_, n) => seen.get(`items[${n}]/note.short`))).toMatchObject([
      { status: 'completed', attempt: 1 },
      { status: 'failed', attempt: 1, failure: { code: 'USER_DATA_MALFORMED' } },
      { status: 'completed', attempt: 2, queue: 'evertrain', light: true },
      { status: 'completed', attempt: 2, queue: 'evertrain', light: true },
      { status: 'failed', attempt: 3, failure: { code: 'USER_CODE_FAILED' } },
      { status: 'completed', attempt: 1 },
    ]);
    await replays(run);
  });

  it('with answers that no marker could hold together are each done once', async () => {
    const { effects, evertrain } = fixture;
    const items = keysOf('large', 20).map((key) => ({ effects: effects.url, key, length: 300_000 }));
    const run = await evertrain.start(lightItems, { items }, { provenance });
    expect(await run.result()).toEqual({ outcome: 'completed', output: items.map(({ key }) => `${key} 300000`) });
    expect(items.map(({ key }) => effects.begun(key))).toEqual(items.map(() => 1));
    await replays(run);
  });

  it('are not begun once one has failed for good', async () => {
    const { effects, evertrain } = fixture;
    const items = keysOf('fatal', 40).map((key, n) => ({ effects: effects.url, key, isWrong: n === 7 }));
    const run = await evertrain.start(lightFatal, { items }, { provenance });
    expect(await run.result()).toEqual({ outcome: 'completed', output: 0 });
    expect(items.filter(({ key }) => effects.begun(key) > 0).length).toBeLessThan(15);
    await replays(run);
  });
});

describe('a worker that dies among light steps', () => {
  it('that go together has those done again that were not recorded yet', async () => {
    const { effects, evertrain } = fixture;
    const items = keysOf('dying', 300).map((key) => ({ effects: effects.url, key }));
    effects.hold('dying-150');
    const run = await evertrain.start(lightItems, { items }, { provenance });
    await effects.began('dying-150');
    await worker.kill();
    effects.release('dying-150');
    worker = await fixture.worker({ cachedRuns: 0 });
    expect(await run.result()).toEqual({ outcome: 'completed', output: items.map(({ key }) => `${key} 0`) });
    const begun = items.map(({ key }) => effects.begun(key));
    expect(begun.slice(0, 50)).toEqual(Array(50).fill(1));
    expect(Math.max(...begun)).toBe(2);
    expect(begun.filter((count) => count === 2).length).toBeLessThanOrEqual(100);
    await replays(run);
  });

  it('has those done again that were not recorded yet, 100 at most', async () => {
    const { effects, evertrain } = fixture;
    const keys = keysOf('killed', 130);
    effects.hold('killed-119');
    const run = await evertrain.start(lightChain, { effects: effects.url, keys }, { provenance });
    await effects.began('killed-119');
    await worker.kill();
    effects.release('killed-119');
    worker = await fixture.worker({ cachedRuns: 0 });
    expect(await run.result()).toEqual({ outcome: 'completed', output: keys });
    const counts = keys.map((key) => effects.count(key));
    expect(counts.slice(0, 19)).toEqual(Array(19).fill(1));
    expect(counts.slice(119)).toEqual(Array(11).fill(1));
    expect(Math.max(...counts)).toBe(2);
    expect(counts.filter((count) => count === 2).length).toBeLessThan(100);
    const { events = [] } = await historyOf(run);
    const types = events?.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
    expect(types).toContain(builtIn.nothing);
    expect((await run.view()).steps).toMatchObject(keys.map((key) => ({ output: { key }, attempt: 1 })));
    await replays(run);
  });
});
