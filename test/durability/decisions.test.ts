import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { guarded, retried, shipping } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  fixture = await durableProject();
  worker = await fixture.worker();
});
afterAll(() => fixture?.close());

describe('an approval', () => {
  it('asked before a worker restart is answered after it; wrong and second answers are refused', async () => {
    const { effects, evertrain } = fixture;
    const run = await evertrain.start(shipping, { effects: effects.url }, { provenance: false });
    await expect.poll(async () => (await run.approvals()).length, { timeout: 20_000 }).toBe(1);
    await worker.kill();
    worker = await fixture.worker();

    await expect(run.approve('ship?', { approved: 'yes' })).rejects.toMatchObject({ code: 'USER_ANSWER_INVALID' });
    await expect(run.approve('shop?', { approved: true })).rejects.toMatchObject({ code: 'USER_APPROVAL_UNKNOWN' });
    effects.hold('shipped');
    await run.approve('ship?', { approved: true }, { actor: 'ann' });
    await effects.began('shipped');
    await expect(run.approve('ship?', { approved: false })).rejects.toMatchObject({ code: 'USER_APPROVAL_ANSWERED' });
    effects.release('shipped');

    expect(await run.result()).toEqual({ outcome: 'completed', output: { approved: true } });
    expect(effects.count('prepared')).toBe(1);
    const { approvals } = await run.view();
    expect(approvals).toMatchObject([{ id: 'ship?', state: 'answered', actor: 'ann', answer: { approved: true } }]);
  });
});

describe('a rejected gate', () => {
  it('ends the run as rejected, also when the pipeline catches it', async () => {
    const { effects, evertrain } = fixture;
    const run = await evertrain.start(guarded, { effects: effects.url }, { provenance: false });
    const rejected = { outcome: 'rejected', gate: 'data is usable', facts: { rows: 3 } };
    expect(await run.result()).toEqual(rejected);
    expect(effects.begun('after the gate')).toBe(0);
    expect((await run.view()).status).toEqual({ kind: 'rejected', gate: 'data is usable', facts: { rows: 3 } });
  });
});

describe('a failing step', () => {
  it('is tried again as its policy says, and the view knows each attempt', async () => {
    const { effects, evertrain } = fixture;
    const run = await evertrain.start(retried, { effects: effects.url }, { provenance: false });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { attempt: 3 } });
    expect(effects.count('flaky')).toBe(3);
    const attempts = async () => (await run.view()).steps[0]?.attempts ?? [];
    // The record of an attempt that completed follows within a moment.
    await expect.poll(async () => (await attempts()).length, { timeout: 5_000 }).toBe(3);
    expect((await attempts()).map(({ attempt, outcome, code }) => [attempt, outcome, code])).toEqual([
      [1, 'failed', 'USER_CODE_FAILED'],
      [2, 'failed', 'USER_CODE_FAILED'],
      [3, 'completed', undefined],
    ]);
  });
});
