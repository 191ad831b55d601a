import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { readMetrics } from '../../activities/sdk/journal/read-run.js';
import type { TrialReport } from '../../workflows/sdk/search/messages.js';
import { rungs } from '../fixtures/rungs/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject('rungs');
});
afterAll(() => fixture?.close());

const epochs = [0, 1, 2, 3, 4, 5];

async function start(trial: string, step: string) {
  const { effects, evertrain } = fixture;
  const run = await evertrain.start(
    rungs,
    { effects: effects.url, trial, step, budgets: [3, 6] },
    { provenance: false },
  );
  const output = async () => {
    const result = await run.result();
    if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
    return result.output;
  };
  return { run, output };
}

describe('a trial that pauses at a budget and goes on to the next', () => {
  it('goes on from its checkpoint, repeats no finished epoch however its workers die, and tells the run its curve', async () => {
    const { effects } = fixture;
    let worker = await fixture.worker();
    // Before the second call has a checkpoint of its own, and after.
    const deaths = ['python.epoch-3', 'python.epoch-5'];
    for (const death of deaths) effects.hold(death);
    const { run, output } = await start('python', 'fit');
    for (const death of deaths) {
      await effects.began(death);
      await worker.kill();
      worker = await fixture.worker();
      await effects.began(death, 2);
      effects.release(death);
    }
    const python = await output();
    expect(python.calls.map((call) => call.started_at)).toEqual([0, 5]);
    expect(epochs.map((epoch) => effects.begun(`python.epoch-${epoch}`))).toEqual([1, 1, 1, 2, 1, 2]);
    expect(epochs.map((epoch) => effects.count(`python.epoch-${epoch}`))).toEqual([1, 1, 1, 1, 1, 1]);

    const command = await (await start('command', 'fit.by-command')).output();
    expect(command.calls.map((call) => call.started_at)).toEqual([0, 3]);
    const curve = command.calls[1]?.curve ?? [];
    expect(python.calls[1]?.curve).toEqual(curve);

    const reportOf = (at: number): TrialReport => ({
      stepId: `trial/rung-${at < 3 ? 0 : 1}`,
      at,
      value: curve[at] ?? 0,
    });
    expect(command.reports).toEqual(epochs.map(reportOf));
    // A worker that dies may take its last reports with it; the journal has all that came before a checkpoint.
    expect(python.reports).toEqual(python.reports.map(({ at }) => reportOf(at)));
    expect(python.reports.map(({ at }) => at)).toEqual(expect.arrayContaining([0, 1, 2, 5]));
    const journal = fileJournal(join(fixture.engine.dataDir, 'journal'));
    const { metrics } = await readMetrics(journal, run.workflowId, run.runId ?? '');
    expect(metrics.map(({ at, value }) => [at, value])).toEqual(epochs.map((epoch) => [epoch, curve[epoch]]));
    await worker.stop();
  });
});
