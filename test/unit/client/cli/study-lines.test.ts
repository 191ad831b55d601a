import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { bar, sparkline } from '../../../../client/cli/bars.js';
import { renderTree } from '../../../../client/cli/tree.js';
import { projectRun } from '../../../../client/history/project-run.js';
import type { RunView } from '../../../../client/history/run-view.js';
import { ashaHistory, began, StudyHistory } from '../support/study-history.js';

const wide = { color: false, width: 200, now: 1_100_000 };

function view(history = ashaHistory()): RunView {
  return projectRun(history);
}

describe('a study in the tree of its run', () => {
  test('is how it stands, its course, its best trials and its failures, and stands for the steps of its trials', () => {
    expect(renderTree(view(), wide)).toEqual([
      'tune w  running',
      '  ▸ study search: 5 of 8 trials, 2 running, best accuracy 0.9741 (trial 1)',
      '    tpe(multivariate), asha(1 to 9, 1 of 3), 2 at once, seed 7',
      '    best so far ▁▃▃▅▅▅▅█ 0.71 → 0.9741',
      '    trial  state      budget  accuracy  depth  learningRate  kernel',
      '        1  completed       9    0.9741      2          0.02  –',
      '        0  running         1      0.71      1       0.03125  –',
      '        5  stopped         1       0.5      6          0.06  –',
      '    ✖ 3 failed, 2 of them with SYSTEM_JOB_KILLED: The job was killed by SIGSEGV.…',
    ]);
  });

  test('that has ended shows why, and which parameters mattered, most first', () => {
    const run = view(ashaHistory().ended({ state: 'stopped', reason: 'the money is spent', best: 1 }));
    const studies = run.studies.map((study) => ({
      ...study,
      importance: { depth: 0.125, learningRate: 0.75, kernel: 0.125 },
    }));
    const lines = renderTree({ ...run, studies }, wide);
    expect(lines[1]).toBe(
      '  ■ study search: 5 of 8 trials in 14.0 s, stopped: the money is spent, best accuracy 0.9741 (trial 1), 2 unfinished',
    );
    expect(lines[4]).toBe('    trial  state       budget  accuracy  learningRate  depth  kernel');
    expect(lines.slice(-3)).toEqual([
      '    importance  learningRate ████████████████████ 0.75',
      '                depth        ███▍ 0.13',
      '                kernel       ███▍ 0.13',
    ]);
  });

  test('drops the columns that a terminal has no room for, and cuts no number', () => {
    for (const width of [42, 60, 66, 67, 80]) {
      const [, , , , ...rows] = renderTree(view(), { ...wide, width });
      const [head = '', first = ''] = rows;
      expect(Math.max(head.length, first.length)).toBeLessThanOrEqual(width);
      const names = head.trim().split(/ +/);
      expect([width, names.at(-1)]).toEqual([width, width < 67 ? '…' : 'kernel']);
      expect(first.trim().split(/ +/)).toHaveLength(width < 67 ? names.length - 1 : names.length);
    }
  });

  test('with several objectives shows the trials of the Pareto front', () => {
    const objectives = [
      { metric: 'accuracy', direction: 'maximize' },
      { metric: 'ms', direction: 'minimize' },
    ] as const;
    const history = new StudyHistory({ objectives, space: { depth: { kind: 'int', min: 1, max: 3 } } });
    for (const [n, values] of [
      [0.9, 10],
      [0.8, 12],
      [0.7, 2],
    ].entries())
      history.trial(n, 0, { values, state: 'completed' });
    expect(renderTree(view(history), wide).slice(1)).toEqual([
      '  ▸ study search: 3 of 8 trials, 2 on the Pareto front (accuracy ↑, ms ↓)',
      '    tpe(multivariate), asha(1 to 9, 1 of 3), 2 at once, seed 7',
      '    trial  state      budget  accuracy  ms  depth',
      '        0  completed       1       0.9  10      1',
      '        2  completed       1       0.7   2      3',
    ]);
  });

  test('has one line where a run has many, where nothing is known yet, and where it has a run of its own', () => {
    const history = new StudyHistory();
    for (let n = 0; n < 5; n++) history.record({ ...began, study: `fold[${n}]/search` });
    history.add('START_CHILD_WORKFLOW_EXECUTION_INITIATED', {
      startChildWorkflowExecutionInitiatedEventAttributes: {
        workflowId: 'w/large',
        workflowType: { name: 'evertrain.study' },
      },
    });
    const lines = renderTree(view(history), wide);
    expect(lines).toHaveLength(8);
    expect(lines[6]).toBe('  ▸ study fold[4]/search: 0 of 8 trials');
    expect(lines[7]).toBe('  ▸ study large: starting in a run of its own, w/large');
    expect(renderTree(view(new StudyHistory()), wide)).toHaveLength(3);
  });

  test('is painted without a change of its text, and says how many trials are not shown', () => {
    const run = view();
    const plain = renderTree(run, wide);
    expect(renderTree(run, { ...wide, color: true }).map((line) => stripVTControlCharacters(line))).toEqual(plain);
    const studies = run.studies.map((study) => ({ ...study, earlierTrials: 12 }));
    const lines = renderTree({ ...run, studies }, wide);
    expect(lines[1]).toContain(': 17 of 8 trials, ');
    expect(lines.at(-1)).toBe('    12 earlier trials are not shown');
  });
});

test('a sparkline runs from the least to the greatest, and a bar fills eighths of a column', () => {
  expect(sparkline([undefined, 1, 2, 8])).toBe(' ▁▂█');
  expect(sparkline([3, 3])).toBe('▄▄');
  expect(sparkline([8, 1])).toBe('█▁');
  expect([bar(1, 4), bar(0.5, 4), bar(0.2, 4), bar(0, 4), bar(7, 4), bar(Number.NaN, 4)]).toEqual([
    '████',
    '██',
    '▊',
    '',
    '████',
    '',
  ]);
});
