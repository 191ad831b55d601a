import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchHistory } from '../../client/history/fetch.js';
import { loadBundle } from '../../worker/bundle.js';
import { cached, cachedWide, collect, failBeside, failFirst, many } from '../fixtures/durability/contracts.js';
import { replayHistory } from '../support/histories.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { runRecord } from '../support/run-record.js';

let fixture: DurableProject;

/** Calls that the engine lets a run have open, 2,000 by default: the library keeps to 500. */
const mostOpen = 600;

beforeAll(async () => {
  fixture = await durableProject('durability', [`limit.numPendingActivities.error=${mostOpen}`]);
  await fixture.worker();
});
afterAll(() => fixture?.close());

describe('fanOut', () => {
  it('cancels the siblings at the first failure, and fails with its code', async () => {
    const { effects, evertrain } = fixture;
    const keys = ['first-fails', 'sibling-1', 'sibling-2'];
    for (const key of keys) effects.hold(key);
    const run = await evertrain.start(failFirst, { effects: effects.url, keys }, { provenance: false });
    await Promise.all(keys.map((key) => effects.began(key)));
    effects.release('first-fails');
    await expect(run.result()).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
    // The run does not wait for them: each learns of it with its next heartbeat, and its attempt says so.
    const ends = async () => (await run.view()).steps.map(({ attempts }) => attempts?.at(-1)?.outcome);
    await expect.poll(ends, { timeout: 10_000 }).toEqual(['failed', 'cancelled', 'cancelled']);
    expect(keys.map((key) => effects.count(key))).toEqual([0, 0, 0]);
  });

  it('that fails leaves a call that waits for room beside it its place', async () => {
    const { effects, evertrain } = fixture;
    const beside = 'beside';
    const items = ['fails', 'open', 'waits'];
    for (const key of items) effects.hold(key);
    const run = await evertrain.start(
      failBeside,
      { effects: effects.url, keys: [beside, ...items] },
      { provenance: false },
    );
    await Promise.all(['fails', 'open'].map((key) => effects.began(key)));
    effects.release('fails');
    expect(await run.result()).toEqual({ outcome: 'completed', output: [{ key: beside }, 'failed'] });
    expect([...items, beside].map((key) => effects.count(key))).toEqual([0, 0, 0, 1]);
    expect([effects.begun('waits'), effects.begun(beside)]).toEqual([0, 1]);
  });

  it('that collects answers each end in order', async () => {
    const { effects, evertrain } = fixture;
    const keys = ['bad', 'good-1', 'good-2'];
    const result = await evertrain.execute(collect, { effects: effects.url, keys }, { provenance: false });
    expect(result).toMatchObject({
      outcome: 'completed',
      output: [
        { status: 'rejected', code: 'USER_DATA_MALFORMED' },
        { status: 'fulfilled', value: { key: 'good-1' } },
        { status: 'fulfilled', value: { key: 'good-2' } },
      ],
    });
    expect([effects.count('good-1'), effects.count('good-2')]).toEqual([1, 1]);
  });
});

describe('Promise.all', () => {
  // The soak does 5,000.
  it('over more plain step calls than the engine lets be open completes', async () => {
    const count = mostOpen + 100;
    const result = await fixture.evertrain.execute(many, { count }, { provenance: false });
    expect(result).toEqual({ outcome: 'completed', output: count * (count - 1) });
  }, 120_000);

  it('whose history has pages of many MB ends with its record, and has a view', async () => {
    const { evertrain, engine } = fixture;
    const input = { count: 600, paddingBytes: 10_000 };
    const run = await evertrain.start(many, input, { provenance: false });
    expect(await run.result()).toEqual({ outcome: 'completed', output: 600 * 599 });
    const view = await run.view();
    expect(view.steps.filter(({ status }) => status === 'completed')).toHaveLength(600);
    const record = await runRecord(engine.dataDir, run);
    expect([record.status.kind, record.steps.length]).toEqual(['completed', 600]);
  }, 60_000);
});

describe('the step cache', () => {
  it('runs a step once over runs, and the view names where its output came from', async () => {
    const { effects, evertrain } = fixture;
    const input = { effects: effects.url, keys: ['kept'] };
    const first = await evertrain.start(cached, input, { provenance: false });
    expect(await first.result()).toEqual({ outcome: 'completed', output: ['kept'] });
    const second = await evertrain.start(cached, input, { provenance: false });
    expect(await second.result()).toEqual({ outcome: 'completed', output: ['kept'] });
    expect(effects.count('kept')).toBe(1);
    const [ran] = (await first.view()).steps;
    const [taken] = (await second.view()).steps;
    expect(ran?.status).toBe('completed');
    expect(taken).toMatchObject({
      status: 'cached',
      cacheSource: { workflowId: first.workflowId, runId: first.runId, stepId: 'effect.cached' },
    });
  });

  it('over a fan-out with hits and misses leaves a history that replays', async () => {
    const { effects, evertrain, bundle } = fixture;
    const keys = Array.from({ length: 120 }, (_, n) => `mixed-${n}`);
    const run = (some: string[]) =>
      evertrain.start(cachedWide, { effects: effects.url, keys: some }, { provenance: false });
    await (await run(keys.filter((_, n) => n % 3 !== 1))).result();
    const mixed = await run(keys);
    expect(await mixed.result()).toEqual({ outcome: 'completed', output: 120 });
    const statuses = (await mixed.view()).steps.map(({ status }) => status);
    expect(statuses.filter((status) => status === 'cached')).toHaveLength(80);
    await replayHistory(await loadBundle(bundle), await fetchHistory(evertrain.client, mixed.workflowId));
    expect(new Set(keys.map((key) => effects.count(key)))).toEqual(new Set([1]));
  }, 60_000);
});
