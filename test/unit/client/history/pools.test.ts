import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import colors from 'picocolors';
import { stepLine } from '../../../../client/cli/tree.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView } from '../../../../client/history/run-view.js';

/** A run of three calls in a pool of two places, which it was the first to need. */
const history = JSON.parse(await readFile('test/replay/histories/0.1.0/durability.pooled.json', 'utf8')) as {
  readonly events: readonly { readonly eventType: string }[];
};
const ids = [0, 1, 2].map((n) => `licensed[${n}]/licensed`);

function viewUpTo(count: number): RunView {
  const pendingActivities = ids.map((activityId) => ({ activityId, attempt: 1 }));
  return projectRun({ history: { events: history.events.slice(0, count) }, pending: { pendingActivities } });
}

const statuses = ({ steps }: RunView) =>
  steps.map((step) => (step.status === 'queued' && step.waitsForPool ? `waits for ${step.waitsForPool}` : step.status));

describe('the view of a run with a pool', () => {
  it('has its calls as steps from when they ask, each at its place, until they have ended', () => {
    const seen = history.events.map((_, n) => viewUpTo(n + 1));
    for (const view of seen) expect(view.steps.map(({ id }) => id)).toEqual(ids.slice(0, view.steps.length));
    const distinct = [...new Set(seen.map((view) => statuses(view).join()))];
    expect(distinct[0]).toBe('');
    expect(distinct[1]).toBe('waits for licences,waits for licences,waits for licences');
    expect(distinct).toContain('completed,completed,waits for licences');
    expect(distinct.at(-1)).toBe('completed,completed,completed');
    expect(seen.at(-1)?.steps.map(({ name, groups }) => [name, groups])).toEqual(
      ids.map(() => ['licensed', ['licensed']]),
    );
  });

  it('says for which pool a call waits, and where it was asked, which of all that wait it is', () => {
    const asked = history.events.findIndex(({ eventType }) => eventType.includes('SIGNAL_EXTERNAL'));
    const [step] = viewUpTo(asked + 1).steps;
    if (step?.status !== 'queued') throw new Error('it does not wait');
    expect(step.poolId).toBe('pool/licences');
    const line = (one: typeof step) => stepLine(one, 0, colors.createColors(false));
    expect(line(step)).toBe('· licensed[0]/licensed queued for a place in pool licences');
    const third = { ...step, place: { number: 3, of: 1_017 } };
    expect(line(third)).toBe('· licensed[0]/licensed queued for a place in pool licences: 3 of 1,017');
  });

  it('shows nothing of what is between the run and the pool', () => {
    const { children, timers, signals, edges } = viewUpTo(history.events.length);
    expect({ children, timers, signals }).toEqual({ children: [], timers: [], signals: [] });
    expect(edges.filter(({ from, to }) => !ids.includes(from) || !ids.includes(to))).toEqual([]);
  });

  it('tells a run that was cut off while it waited from one that waits', () => {
    const [started] = history.events;
    const asked = history.events.findIndex(({ eventType }) => eventType.includes('SIGNAL_EXTERNAL'));
    const terminated = {
      ...started,
      eventId: '99',
      eventType: 'EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED',
      workflowExecutionStartedEventAttributes: undefined,
      workflowExecutionTerminatedEventAttributes: { reason: 'cut off' },
    };
    const events = [...history.events.slice(0, asked + 1), JSON.parse(JSON.stringify(terminated)) as typeof started];
    expect(statuses(projectRun({ history: { events } }))).toEqual(['unknown', 'unknown', 'unknown']);
  });
});
