import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schedule } from '../../workflows/sdk/index.js';
import { dated } from '../fixtures/durability/dated.js';
import { backfillRound } from '../support/backfill-round.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const soon = { timeout: 30_000 };
let fixture: DurableProject;

beforeAll(async () => {
  // A backfill of thousands of dates continues as new; here of some ten.
  fixture = await durableProject('durability', ['limit.historyCount.suggestContinueAsNew=60']);
});
afterAll(() => fixture?.close());

const dailyOf = (name: string, under = name) =>
  schedule(dated, '@daily', { name, input: { effects: fixture.effects.url, under } });

describe('a backfill', () => {
  it('runs each of 24 days once while worker and engine are killed three times', async () => {
    const found = await backfillRound(fixture, { under: 'killed', days: 24, atMost: 4, kills: 3, seed: 1 });
    expect(found.failures).toEqual([]);
    expect(found.summary).toMatchObject({ dates: 24, completed: 24, failed: 0, skipped: 0 });
    // A step that was at work when its worker was killed is done again.
    expect(found.repeated).toBeLessThanOrEqual(3 * 4);
    const backfill = fixture.evertrain.attach('backfill/killed/2024-01-01T00:00:00Z_2024-01-24T00:00:00Z');
    expect((await backfill.view()).events).toBeLessThan(120);
  }, 300_000);

  it('skips dates that have a run, repeats those that failed, replaces all on demand; a failed one costs only itself', async () => {
    await fixture.worker();
    const { effects, evertrain } = fixture;
    const range = { from: '2024-02-28', to: '2024-03-01' };
    const result = async (options: object = {}) => {
      const backfill = await evertrain.backfill(dailyOf('again'), { ...range, ...options });
      return (await backfill.result()) as { output: object };
    };
    const poisoned = 'again/2024-02-29T00:00:00.000Z';
    const run = evertrain.attach('dated/again-2024-02-29T00:00:00Z');
    effects.hold(poisoned);
    const first = await evertrain.backfill(dailyOf('again'), range);
    await effects.began(poisoned);
    await run.terminate('for the test');
    effects.release(poisoned);
    expect(await first.result()).toMatchObject({
      output: { dates: 3, completed: 2, failed: 1, failures: [{ date: '2024-02-29T00:00:00.000Z' }] },
    });
    expect(await result()).toMatchObject({ output: { completed: 1, skipped: 2 } });
    expect(await result()).toMatchObject({ output: { completed: 0, skipped: 3 } });
    expect(await result({ replace: true })).toMatchObject({ output: { completed: 3, skipped: 0 } });
    expect((await run.view()).planned).toEqual({
      schedule: 'again',
      logicalDate: Date.UTC(2024, 1, 29),
      interval: { start: Date.UTC(2024, 1, 28), end: Date.UTC(2024, 1, 29) },
    });
  }, 180_000);

  it('can be paused and resumed, tells how far it is, and cancels its runs when it is cancelled', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('held/2024-01-01T00:00:00.000Z');
    const daily = dailyOf('held');
    const backfill = await evertrain.backfill(daily, { from: '2024-01-01', to: '2024-01-03', atMost: 1 });
    await effects.began('held/2024-01-01T00:00:00.000Z');
    await backfill.pause();
    effects.release('held/2024-01-01T00:00:00.000Z');
    await expect.poll(() => backfill.state(), soon).toMatchObject({ dates: 3, completed: 1, open: 0, isPaused: true });
    const handle = evertrain.client.workflow.getHandle(backfill.workflowId);
    expect(await handle.query('__temporal_workflow_metadata')).toMatchObject({
      currentDetails: expect.stringContaining('- 3 dates: 1 completed; paused') as string,
    });
    effects.hold('held/2024-01-02T00:00:00.000Z');
    await backfill.resume();
    await effects.began('held/2024-01-02T00:00:00.000Z');
    await backfill.cancel();
    await expect(backfill.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    const open = evertrain.attach('dated/held-2024-01-02T00:00:00Z');
    await expect(open.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect(effects.begun('held/2024-01-03T00:00:00.000Z')).toBe(0);
    effects.release('held/2024-01-02T00:00:00.000Z');
  });

  it.each([
    [{ from: '2024-02-30', to: '2024-03-01' }, '"2024-02-30", which is no date'],
    [{ from: '2024-03-01', to: '2024-02-28' }, 'it ends (2024-02-28) before it starts (2024-03-01)'],
    [{ from: '2024-03-01T01:00', to: '2024-03-01T02:00' }, 'no fire time from'],
    [{ from: '2024-03-01', to: '2024-03-02', atMost: 0 }, 'atMost is 0'],
  ])('is refused before anything starts: %o', async (options, why) => {
    await expect(fixture.evertrain.backfill(dailyOf('bad'), options)).rejects.toThrow(why);
  });
});
