import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evertrain } from '../../../client/evertrain.js';
import { type SkippingEngine, spawnWorker, startSkippingEngine } from '../../support/index.js';
import { quarterly, unanswered } from '../../fixtures/patient/contracts.js';

const options = { provenance: false } as const;
const day = 86_400_000;

describe('an engine whose time skips', () => {
  let engine: SkippingEngine;
  let evertrain: Evertrain;
  beforeAll(async () => {
    engine = await startSkippingEngine();
    evertrain = await engine.connect();
    await spawnWorker({ ...engine, project: resolve('test/fixtures/patient') });
  });
  afterAll(() => engine.stop());

  it('lets months of timers and hours of retries pass while a result is waited for', async () => {
    const before = Date.now();
    const run = await evertrain.start(quarterly, undefined, options);
    expect(await run.result()).toEqual({ outcome: 'completed', output: { twice: 4, attempt: 3 } });
    const { startedAt, closedAt = 0, steps, gates } = await run.view();
    expect(closedAt - startedAt).toBeGreaterThanOrEqual(90 * day);
    expect(Date.now() - before).toBeLessThan(day);
    expect(steps.map(({ id, status }) => [id, status])).toEqual([
      ['double', 'completed'],
      ['double#2', 'completed'],
      ['stubborn', 'completed'],
    ]);
    expect(gates).toEqual([expect.objectContaining({ name: 'it is large enough', passed: true })]);
  });

  it('waits for an answer as long as the test does, and up to a deadline when told to', async () => {
    const answered = await evertrain.start(unanswered, undefined, options);
    await expect.poll(async () => (await answered.approvals()).length, { timeout: 10_000 }).toBe(1);
    // Temporal's test server may lose an answer that comes while a task is being done: the error says to repeat it.
    const approve = () => answered.approve('ship it?', { approved: true }, { actor: 'ann' });
    await approve().catch((error: { code?: string }) => {
      expect(error.code).toBe('SYSTEM_NOT_RECORDED');
      return approve();
    });
    expect(await answered.result()).toMatchObject({ outcome: 'completed', output: { approved: true } });
    const late = await evertrain.start(unanswered, undefined, options);
    await engine.pass('2 days');
    expect((await late.view()).status).toEqual({ kind: 'running' });
    await engine.pass('25 hours');
    await expect(late.result()).rejects.toMatchObject({ code: 'GATE_APPROVAL_TIMED_OUT' });
  });
});
