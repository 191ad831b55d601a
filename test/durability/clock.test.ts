import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunView } from '../../client/history/run-view.js';
import { timed } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const hourMs = 3_600_000;
const preload = `--import ${fileURLToPath(new URL('../support/skewed-clock.mjs', import.meta.url))}`;
let fixture: DurableProject;

beforeEach(async () => {
  fixture = await durableProject();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fixture?.close();
});

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
    [`deadline of ${one.id}`, (one.deadlineMs ?? 0) - one.askedAt],
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
    const { effects, evertrain } = fixture;
    const first = await fixture.worker();
    effects.hold('held');
    const run = await evertrain.start(timed, { effects: effects.url }, { provenance: false });
    await effects.began('held');
    await first.kill();
    effects.release('held');
    await fixture.worker();
    expect(await run.result()).toEqual({ outcome: 'completed', output: { approved: false, attempt: 3 } });
    expect(effects.count('held')).toBe(1);
    const view = await run.view();
    expect(view.approvals).toMatchObject([{ id: 'in time?', state: 'timed-out' }]);
    for (const [what, ms] of lengths(view)) expect([what, ms < 0 || ms > hourMs / 2]).toEqual([what, false]);
  });
});
