import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunView } from '../../client/history/run-view.js';
import { timed } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type EffectServer, effectServer } from '../support/effect-server.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const hourMs = 3_600_000;
const preload = `${process.env['NODE_OPTIONS'] ?? ''} --import ${fileURLToPath(new URL('../support/skewed-clock.mjs', import.meta.url))}`;
let fixture: DurableProject;
let effects: EffectServer;
let worker: SpawnedWorker | undefined;

beforeAll(async () => {
  fixture = await durableProject();
});
beforeEach(async () => {
  effects = await effectServer();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await worker?.kill();
  await effects.close();
});
afterAll(() => fixture?.close());

/** Every length of time that people are shown, with its name. */
function lengths(view: RunView): [string, number][] {
  const run: [string, number] = ['run', (view.closedAt ?? 0) - view.startedAt];
  const steps = view.steps.flatMap((step): [string, number][] => [
    [step.id, ('endedAt' in step ? step.endedAt : 0) - step.scheduledAt],
    ...(step.attempts ?? []).map((one): [string, number] => [`${step.id} ${one.attempt}`, one.durationMs]),
    ...(step.attempts ?? []).map((one): [string, number] => [`${step.id} ${one.attempt}`, one.endedAt - one.startedAt]),
  ]);
  const approvals = view.approvals.flatMap((one): [string, number][] => [
    [one.id, (one.answeredAt ?? 0) - one.askedAt],
    // Not since it was asked: the pipeline sets the deadline, and a slow machine may be late to write the question down.
    [`deadline of ${one.id}`, (one.deadlineMs ?? 0) - view.startedAt],
  ]);
  return [run, ...steps, ...approvals];
}

describe.each([
  ['an hour behind', { CLOCK_OFF_MS: String(-hourMs) }],
  ['set ahead by hours all the while', { CLOCK_JUMP_MS: String(hourMs) }],
  ['set back by hours all the while', { CLOCK_JUMP_MS: String(-hourMs) }],
])('a worker whose clock is %s', (_, environment) => {
  it("keeps the engine's time: deadline, retry, watchdog, and the heartbeat of a worker that dies", async () => {
    for (const [name, value] of Object.entries({ ...environment, NODE_OPTIONS: preload })) vi.stubEnv(name, value);
    worker = await fixture.worker();
    effects.hold('held');
    const run = await fixture.evertrain.start(timed, { effects: effects.url }, { provenance: false });
    await effects.began('held');
    await worker.kill();
    effects.release('held');
    worker = await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: { approved: false, attempt: 3 } });
    expect(effects.count('held')).toBe(1);
    const view = await run.view();
    expect(view.approvals).toMatchObject([{ id: 'in time?', state: 'timed-out' }]);
    for (const [what, ms] of lengths(view)) expect([what, ms < 0 || ms > hourMs / 2]).toEqual([what, false]);
  });
});
