import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StepView } from '../../client/history/run-view.js';
import type { Run } from '../../client/run.js';
import { chain, training } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;
/** How many processes the engine is, with what ends it. */
let without: number;

beforeAll(async () => {
  fixture = await durableProject();
  without = processes(fixture.engine.dataDir);
});
afterAll(() => fixture?.close());

/** Processes whose command line names this text. */
function processes(text: string): number {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => line.includes(text)).length;
}

/** The run's step, once the attempt of the worker that stood still has left its record. */
async function afterFirstAttempt(run: Run): Promise<StepView> {
  return vi.waitUntil(
    async () => {
      const [step] = (await run.view()).steps;
      return step?.attempts?.some(({ attempt }) => attempt === 1) ? step : undefined;
    },
    { timeout: 40_000, interval: 200 },
  );
}

describe('a worker that stands still past its heartbeat and then goes on', () => {
  it('cannot answer a step that another worker has done meanwhile', async () => {
    const { effects, evertrain } = fixture;
    const first = await fixture.worker();
    effects.hold('paused');
    const run = await evertrain.start(chain, { effects: effects.url, keys: ['paused'] }, { provenance: false });
    await effects.began('paused');
    first.pause();
    const second = await fixture.worker();
    await effects.began('paused', 2);
    effects.release('paused');
    expect(await run.result()).toEqual({ outcome: 'completed', output: ['paused'] });
    first.resume();
    const step = await afterFirstAttempt(run);
    expect(step.status).toBe('completed');
    expect(step.attempt).toBeGreaterThan(1);
    // The older attempt may get its effect out; a receiver that must not see it twice asks for the idempotency key.
    expect(effects.count('paused')).toBeLessThanOrEqual(2);
    await Promise.all([first.stop(), second.stop()]);
  }, 150_000);

  it('cannot put its checkpoints over those of the attempt that took over, and its job ends', async () => {
    const { effects, evertrain } = fixture;
    const first = await fixture.worker();
    effects.hold('checkpoint-3');
    const run = await evertrain.start(training, { effects: effects.url, epochs: 6 }, { provenance: false });
    await effects.began('checkpoint-3');
    first.pause();
    const second = await fixture.worker();
    await effects.began('checkpoint-3', 2);
    effects.release('checkpoint-3');
    expect(await run.result()).toEqual({ outcome: 'completed', output: { epochs: 6, resumed_from: 3 } });
    first.resume();
    const { attempt: last, attempts = [] } = await afterFirstAttempt(run);
    // The attempts between were given to the worker that stood still, or found themselves fenced by the last.
    for (const { attempt, outcome } of attempts) {
      expect([attempt, outcome]).toEqual([
        attempt,
        attempt === last ? 'completed' : expect.stringMatching(/^(failed|cancelled)$/),
      ]);
    }
    // Beside what was under way when the worker stopped, the older job did no epoch: its checkpoint was not taken.
    expect([4, 5].map((epoch) => effects.count(`epoch-${epoch}`))).toEqual([1, 1]);
    await Promise.all([first.stop(), second.stop()]);
    // No worker and no job is left; a job has 10 s to heed SIGTERM before it is killed.
    await expect.poll(() => processes(fixture.engine.dataDir), { timeout: 40_000 }).toBe(without);
  }, 150_000);
});
