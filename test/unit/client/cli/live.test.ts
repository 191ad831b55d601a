import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { followRun } from '../../../../client/cli/live.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView } from '../../../../client/history/run-view.js';
import { happenings, type RunEvent } from '../../../../client/run-events.js';
import { loadHistory } from '../../../support/histories.js';

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
  await followRun(run, { stream, isTTY: false });
  stream.end();
  return (await lines).trimEnd().split('\n');
}

describe('a run that is followed without a terminal', () => {
  test('has one line for each step that had ended when it was first seen', async () => {
    const view = await recorded('shipped.iris');
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
    const view = await recorded('shipped.iris');
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
});
