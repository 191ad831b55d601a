import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { poolMessages, type PoolState, poolWorkflowId } from '../../workflows/sdk/pools/messages.js';
import { contestants } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { overtaking } from '../support/overtaking.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const keys = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
const without = { provenance: false } as const;
const [first, second] = contestants;
const soon = { timeout: 30_000 };
/** Leaves the queue `queued` alone. */
const runsOnly = { queues: { evertrain: {} } };
let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  // Pools and runs are told early that their histories are long.
  fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=120']);
  worker = await fixture.worker(runsOnly);
});
afterAll(() => fixture?.close());

const book = (name: string) => join(fixture.engine.dataDir, name);
const lines = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).split('\n').filter(Boolean);
const pool = () => fixture.evertrain.client.workflow.getHandle(poolWorkflowId('licences', undefined));
const state = () => pool().query<PoolState>(poolMessages.state);
const waiting = async () =>
  Object.values((await state()).runs).flatMap(({ waits }) => waits.map(({ stepId }) => stepId));

/** How many calls were between their `+` and their `-` at once; one that is tried again is one call. */
function mostAtOnce(entries: readonly string[]): number {
  const open = new Set<string>();
  let most = 0;
  for (const entry of entries) {
    if (entry.startsWith('+')) open.add(entry.slice(1));
    else open.delete(entry.slice(1));
    most = Math.max(most, open.size);
  }
  return most;
}

describe('a pool of two places', () => {
  it('is never exceeded by 50 calls of two pipelines, whose worker is killed, while it continues as new', async () => {
    const { effects, evertrain } = fixture;
    const path = book('contest');
    effects.slowDown(() => 20);
    const contest = { effects: effects.url, book: path };
    const runs = await Promise.all([
      evertrain.start(first, { ...contest, keys: keys('a', 25) }, without),
      evertrain.start(second, { ...contest, keys: keys('b', 25) }, without),
    ]);
    for (const after of [12, 30]) {
      await expect.poll(async () => (await lines(path)).length, soon).toBeGreaterThan(after);
      await worker.kill();
      worker = await fixture.worker(runsOnly);
    }
    expect(await Promise.all(runs.map((run) => run.result()))).toEqual([
      { outcome: 'completed', output: keys('a', 25) },
      { outcome: 'completed', output: keys('b', 25) },
    ]);
    effects.slowDown(() => 0);
    const entries = await lines(path);
    expect(mostAtOnce(entries)).toBe(2);
    expect(new Set(entries.filter((entry) => entry.startsWith('-'))).size).toBe(50);
    // In turn: neither pipeline is far ahead of the other.
    const begun = [...new Set(entries.filter((entry) => entry.startsWith('+')))];
    const lead = begun
      .slice(4)
      .map((_, n) => begun.slice(0, n + 4).filter((entry) => entry.startsWith('+a')).length - (n + 4) / 2);
    expect(Math.max(...lead.slice(0, 36).map(Math.abs))).toBeLessThanOrEqual(4);
    expect((await state()).runs).toEqual({});
    const { runId } = await pool().describe();
    const history = await fixture.evertrain.client.workflow.getHandle(pool().workflowId, runId).fetchHistory();
    expect(history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId).toBeTruthy();
  }, 120_000);

  it('shows who waits, frees the places of a terminated run, and forgets a cancelled one that waited', async () => {
    const { effects, evertrain } = fixture;
    const contest = { effects: effects.url, book: book('ended') };
    await worker.kill();
    worker = await fixture.worker({ ...runsOnly, cachedRuns: 0 });
    for (const key of ['held-0', 'held-1']) effects.hold(key);
    const holder = await evertrain.start(first, { ...contest, keys: keys('held', 2) }, without);
    await Promise.all(['held-0', 'held-1'].map((key) => effects.began(key)));
    const cancelled = await evertrain.start(second, { ...contest, keys: ['never'] }, without);
    const next = await evertrain.start(second, { ...contest, keys: ['next'] }, without);
    await expect.poll(waiting, soon).toHaveLength(2);
    expect((await next.view()).steps).toMatchObject([
      { id: 'licensed[0]/licensed', status: 'queued', waitsForPool: 'licences', place: { number: 2, of: 2 } },
    ]);
    await cancelled.cancel();
    await expect.poll(waiting, soon).toHaveLength(1);
    expect(effects.begun('next')).toBe(0);
    await holder.terminate('to see what becomes of its places');
    expect(await next.result()).toEqual({ outcome: 'completed', output: ['next'] });
    await expect(cancelled.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect(effects.begun('never')).toBe(0);
    await expect.poll(async () => (await state()).runs, soon).toEqual({});
    for (const key of ['held-0', 'held-1']) effects.release(key);
  });

  it('that was terminated is started again by the next who asks', async () => {
    const { effects, evertrain } = fixture;
    await pool().terminate('a mistake');
    const result = evertrain.execute(first, { effects: effects.url, book: book('again'), keys: ['again'] }, without);
    expect(await result).toEqual({ outcome: 'completed', output: ['again'] });
  });
});

describe('a run of high priority', () => {
  it('overtakes 200 waiting steps of low priority', async () => {
    const entries = await overtaking(fixture, [keys('low', 200)], ['high']);
    expect(entries).toHaveLength(201);
    expect(entries.indexOf('high')).toBeLessThan(20);
  });
});
