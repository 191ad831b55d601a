import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { followRun } from '../../../../client/cli/live.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView } from '../../../../client/history/run-view.js';
import { happenings, type RunEvent } from '../../../../client/run-events.js';
import { loadHistory } from '../../../support/histories.js';
import { ashaHistory } from '../support/study-history.js';

async function recorded(name: string): Promise<RunView> {
  return projectRun({ history: await loadHistory(`test/replay/histories/0.1.0/${name}.json`) });
}

/** The step as it was while a worker had it. */
function atWork(view: RunView, id: string): RunView {
  const steps = view.steps
    .filter((step) => step.id === id)
    .map((step) => ({ ...step, status: 'running', startedAt: step.scheduledAt }) as RunView['steps'][number]);
  return { ...view, steps, gates: [], approvals: [] };
}

/** What is written for these events when the output is no terminal. */
async function written(events: readonly RunEvent[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines = text(stream);
  const run = {
    async *events() {
      yield* events;
    },
  };
  await followRun(run, { stream });
  stream.end();
  return (await lines).trimEnd().split('\n');
}

describe('a run that is followed without a terminal', () => {
  test('has one line for each step that had ended when it was first seen', async () => {
    const view = await recorded('shipped.bikes');
    const lines = await written(happenings(undefined, view));
    for (const { id } of view.steps) {
      const own = lines.filter((line) => line.split(' ')[1] === id);
      expect([id, own.length]).toEqual([id, 1]);
      expect(own[0]).toContain(' completed ');
    }
    expect(view.steps.length).toBeGreaterThan(5);
    expect(lines.at(-1)).toBe(`${view.pipeline} completed`);
  });

  test('says that a step runs, and then that it has ended', async () => {
    const view = await recorded('shipped.bikes');
    const [first] = view.steps;
    const before = atWork(view, first?.id ?? '');
    const lines = await written([...happenings(undefined, before), ...happenings(before, view)]);
    const own = lines.filter((line) => line.split(' ')[1] === first?.id);
    expect(own.map((line) => line.split(' ')[2])).toEqual(['running', 'completed']);
  });

  test('tells gates and where they ended it', async () => {
    const lines = await written(happenings(undefined, await recorded('shipped.penguins-rejected')));
    expect(lines.some((line) => line.startsWith('✖ gate: '))).toBe(true);
    expect(lines.at(-1)).toBe('penguins rejected');
  });

  test('has a line for each best of a study and for the first failure of a kind, none for the steps of its trials', async () => {
    const { events } = ashaHistory().ended({ state: 'completed', best: 1 });
    const moments = [8, 11, 15, events.length].map((until) =>
      projectRun({ history: { events: events.slice(0, until) } }),
    );
    const told = moments.map((view, n) => written(happenings(moments[n - 1], view)));
    expect(await Promise.all(told)).toEqual([
      [
        '▸ study search: 8 trials, tpe(multivariate), asha(1 to 9, 1 of 3), 2 at once, seed 7',
        '★ study search: best accuracy 0.71 (trial 0, budget 1) depth 1, learningRate 0.03125, kernel rbf',
        '★ study search: best accuracy 0.8 (trial 1, budget 1) depth 2, learningRate 0.02',
        '✖ study search: trial 2 failed with SYSTEM_JOB_KILLED: The job was killed by SIGSEGV.…',
      ],
      [
        '★ study search: best accuracy 0.85 (trial 1, budget 3) depth 2, learningRate 0.02',
        '✖ study search: trial 3 failed with USER_DATA_MALFORMED: row 3 has no label',
      ],
      ['★ study search: best accuracy 0.9741 (trial 1, budget 9) depth 2, learningRate 0.02'],
      [
        '✔ study search: 5 of 8 trials in 14.0 s, best accuracy 0.9741 (trial 1), 2 unfinished',
        '✖ 3 failed, 2 of them with SYSTEM_JOB_KILLED: The job was killed by SIGSEGV.…',
      ],
    ]);
  });
});
