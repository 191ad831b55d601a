import { describe, expect, it } from 'vitest';
import { childOf, criticalPath, foldKey, graphOf } from '../../../../client/dashboard/page/run-graph.js';
import type { EdgeView, RunView, StepView } from '../../../../client/history/run-view.js';

const step = (id: string, from: number, to: number): StepView => ({
  id,
  name: id.split('/').at(-1) ?? id,
  groups: [],
  status: 'completed',
  scheduledAt: from,
  startedAt: from,
  endedAt: to,
  attempt: 1,
  metrics: {},
  output: null,
});
const edge = (from: string, to: string, kind: EdgeView['kind'] = 'cause'): EdgeView => {
  return { from, to, kind, approximate: kind === 'cause' };
};
const view = (steps: StepView[], edges: EdgeView[], more: Partial<RunView> = {}) =>
  ({ steps, edges, children: [], approvals: [], timers: [], signals: [], ...more }) as unknown as RunView;

const none = new Set<string>();

describe('the graph of a run', () => {
  it('folds what differs by its number only, with how many are how, and unfolds it', () => {
    const items = Array.from({ length: 9 }, (_, n) => step(`notes[${n}]/note`, 10, 20));
    const failed = { ...step('notes[9]/note', 10, 20), status: 'failed' } as StepView;
    const run = view(
      [step('load', 0, 10), ...items, failed],
      [...items, failed].map(({ id }) => edge('load', id)),
    );
    const folded = graphOf(run, none);
    expect(folded.nodes.map(({ id, tally }) => [id, tally])).toEqual([
      ['load', { completed: 1 }],
      ['notes[]/note', { completed: 9, failed: 1 }],
    ]);
    expect(folded.edges).toEqual([{ from: 'load', to: 'notes[]/note', kind: 'cause' }]);
    expect(graphOf(run, new Set([foldKey('notes[3]/note')])).nodes).toHaveLength(11);
  });

  it('has the nodes of an unfolded child run in its place, in a box, also of a child within it', () => {
    const child = (workflowId: string, pipeline: string) => ({
      workflowId,
      pipeline,
      status: 'completed',
      startedAt: 1,
      endedAt: 2,
    });
    const parent = view(
      [step('a', 0, 1), step('z', 2, 3)],
      [edge('a', 'child:p/mid', 'data'), edge('child:p/mid', 'z', 'data')],
      { children: [child('p/mid', 'mid')] as never },
    );
    const of = (workflowId: string, more: Partial<RunView>, steps: StepView[], edges: EdgeView[]) =>
      [workflowId, view(steps, edges, { workflowId, runId: 'r', pipeline: workflowId, ...more })] as const;
    const runs = new Map([
      of('p/mid', { children: [child('p/in', 'in')] as never }, [step('b', 1, 2)], [edge('b', 'child:p/in', 'data')]),
      of('p/in', {}, [step('c', 1, 2)], []),
    ]);
    const mid = 'child:p/mid';
    const inner = `${mid}\nchild:p/in`;
    expect(graphOf(parent, none, runs).nodes.map(({ id }) => id)).toEqual(['a', 'z', mid]);
    const once = graphOf(parent, new Set([mid]), runs);
    expect(once.edges.map(({ from, to }) => [from, to])).toEqual([
      ['a', `${mid}\nb`],
      [inner, 'z'],
      [`${mid}\nb`, inner],
    ]);
    expect(childOf(inner)).toBe('p/in');
    const twice = graphOf(parent, new Set([mid, inner]), runs);
    expect(twice.nodes.map(({ id, run }) => [id, run?.workflowId])).toEqual([
      ['a', undefined],
      ['z', undefined],
      [`${mid}\nb`, 'p/mid'],
      [`${inner}\nc`, 'p/in'],
    ]);
    expect(twice.boxes).toMatchObject([
      { id: mid, holds: [`${mid}\nb`, inner] },
      { id: inner, holds: [`${inner}\nc`] },
    ]);
    expect(graphOf(parent, new Set([mid]), new Map()).nodes).toHaveLength(3);
  });

  it('leads edges past the workflow tasks between many ends and many calls', () => {
    const run = view(
      [step('a', 0, 1), step('b', 0, 1), step('c', 1, 2), step('d', 1, 2)],
      [edge('a', 'task:5'), edge('b', 'task:5'), edge('task:5', 'c'), edge('task:5', 'd')],
    );
    expect(graphOf(run, none).edges.map(({ from, to }) => from + to)).toEqual(['ac', 'bc', 'ad', 'bd']);
  });

  it('shows data where data and cause say the same, and no cause that a longer way explains', () => {
    const run = view(
      [step('a', 0, 1), step('b', 1, 2), step('c', 2, 3)],
      [edge('a', 'b', 'data'), edge('a', 'b'), edge('b', 'c', 'data'), edge('a', 'c')],
    );
    expect(graphOf(run, none).edges).toEqual([
      { from: 'a', to: 'b', kind: 'data' },
      { from: 'b', to: 'c', kind: 'data' },
    ]);
  });

  it('leaves out timers that led to nothing, and shows those that did', () => {
    const timer = { id: '1', status: 'fired', startedAt: 0, firesAt: 5, endedAt: 5, summary: 'a pause' };
    const alone = view([step('a', 0, 1)], [], { timers: [timer] as never });
    expect(graphOf(alone, none).nodes).toHaveLength(1);
    const leading = view([step('a', 5, 6)], [edge('timer:1', 'a')], { timers: [timer] as never });
    expect(graphOf(leading, none).nodes.map(({ kind, label }) => [kind, label])).toEqual([
      ['step', 'a'],
      ['timer', 'a pause'],
    ]);
  });

  it('finds what the end waited for: from the last end back, by the latest before it', () => {
    const run = view(
      [step('a', 0, 1), step('slow', 1, 9), step('quick', 1, 2), step('end', 9, 10)],
      [edge('a', 'slow'), edge('a', 'quick'), edge('slow', 'end'), edge('quick', 'end')],
    );
    expect([...criticalPath(graphOf(run, none))]).toEqual(['end', 'slow', 'a']);
  });
});
