import proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { paretoFront } from '../../../../client/history/pareto-front.js';
import { projectRun } from '../../../../client/history/project-run.js';
import { studyOfDocument } from '../../../../client/history/project-study.js';
import type { StudyView } from '../../../../client/history/run-view.js';
import { memo } from '../../../../workflows/sdk/protocol.js';
import type { StudyDocument, TrialEnded } from '../../../../workflows/sdk/search/study-record.js';
import { HistoryWriter, payloads } from '../support/events.js';
import { artifact, ashaHistory, began, StudyHistory } from '../support/study-history.js';

const { PendingActivityState } = proto.temporal.api.enums.v1;

function only(history: HistoryWriter, pending = {}): StudyView {
  const [study] = projectRun({ history: history.history, pending }).studies;
  if (study === undefined) throw new Error('no study');
  return study;
}

const states = ({ trials }: StudyView) => trials.map(({ number, rung, state }) => `${number}@${rung} ${state}`);

describe('a study', () => {
  test('at work is its records, and the steps of the trials that have no end yet', () => {
    const queued = PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED;
    const pending = { pendingActivities: [{ activityId: 'search[6]/prepare/fit', state: queued, attempt: 1 }] };
    const study = only(ashaHistory(), pending);
    expect(study).toMatchObject({
      id: 'search',
      objectives: [{ metric: 'accuracy' }],
      planned: 8,
      atMost: 2,
      sampler: 'tpe(multivariate)',
      scheduler: 'asha(1 to 9, 1 of 3)',
      seed: 7,
      space: began.space,
      startedAt: 1_005_000,
      status: { kind: 'running' },
      earlierTrials: 0,
      endedCalls: 8,
      best: 1,
    });
    expect(states(study)).toEqual([
      '0@1 running',
      '1@2 completed',
      '2@0 failed',
      '3@0 failed',
      '4@0 failed',
      '5@0 stopped',
      '6@0 queued',
    ]);
    expect(study.trials[0]).toEqual({
      number: 0,
      rung: 1,
      state: 'running',
      params: { depth: 1, learningRate: 0.03125 },
      budget: 1,
      seconds: 1.5,
      curve: [{ budget: 1, value: 0.71 }],
      values: [0.71],
      startedAt: 1_017_000,
    });
    expect(study.trials[1]).toMatchObject({
      budget: 9,
      seconds: 4.5,
      values: [0.97413],
      endedAt: 1_013_000,
      curve: [
        { budget: 1, value: 0.8 },
        { budget: 3, value: 0.85 },
        { budget: 9, value: 0.97413 },
      ],
    });
    expect(study.trials[2]).toMatchObject({ failure: { code: 'SYSTEM_JOB_KILLED' } });
    expect(study.trials[2]).not.toHaveProperty('values');
    expect(study.bestSoFar.map(({ trial, rung, value, endedCalls }) => [trial, rung, value, endedCalls])).toEqual([
      [0, 0, 0.71, 1],
      [1, 0, 0.8, 2],
      [1, 1, 0.85, 4],
      [1, 2, 0.97413, 8],
    ]);
  });

  test('that ended says how, why, which trial was best, and where its artifact is', () => {
    const stopped = ashaHistory().ended({ state: 'stopped', reason: 'the money is spent', best: 5, artifact });
    const study = only(stopped);
    expect(study).toMatchObject({
      status: { kind: 'stopped', reason: 'the money is spent', endedAt: 1_019_000 },
      best: 5,
      artifact,
    });
    expect(states(study).filter((state) => state.endsWith('unfinished'))).toEqual(['0@1 unfinished', '6@0 unfinished']);
    expect(only(new StudyHistory().ended({ state: 'completed' })).status).toEqual({
      kind: 'completed',
      endedAt: 1_006_000,
    });
  });

  test('that the end of its run cut short is not finished', () => {
    const history = ashaHistory();
    history.add('WORKFLOW_EXECUTION_TERMINATED', { workflowExecutionTerminatedEventAttributes: {} });
    const study = only(history);
    expect(study.status).toEqual({ kind: 'unfinished' });
    expect(states(study)[0]).toBe('0@1 unfinished');
  });

  test('that minimizes takes the least for the best, and the first of equals', () => {
    const objectives = [{ metric: 'loss', direction: 'minimize' }] as const;
    const history = new StudyHistory({ objectives });
    for (const [trial, value] of [3, 1, 1, 2].entries()) history.trial(trial, 0, { values: [value] });
    const study = only(history);
    expect(study.best).toBe(1);
    expect(study.bestSoFar.map(({ value }) => value)).toEqual([3, 1]);
    expect(study).not.toHaveProperty('front');
  });

  test('with several objectives has a Pareto front', () => {
    const objectives = [
      { metric: 'accuracy', direction: 'maximize' },
      { metric: 'latency', direction: 'minimize' },
    ] as const;
    const history = new StudyHistory({ objectives });
    const values = [
      [0.9, 10],
      [0.8, 5],
      [0.8, 6],
      [0.9, 10],
      [0.95, 10],
      [0.7, 5],
    ];
    for (const [trial, both] of values.entries()) history.trial(trial, 0, { values: both, state: 'completed' });
    expect(only(history).front).toEqual([1, 4]);
  });

  test('tells duplicates, exploited trials, and trials that are pipelines of their own', () => {
    const history = new StudyHistory()
      .trial(0, 0, { values: [1], state: 'completed' })
      .trial(1, 0, { values: [1], state: 'completed', sameAs: 0, seconds: 0 })
      .trial(2, 1, { values: [2], from: { trial: 0, rung: 0 } });
    history.add('START_CHILD_WORKFLOW_EXECUTION_INITIATED', {
      startChildWorkflowExecutionInitiatedEventAttributes: {
        workflowId: 'w/search[3]/fit-all',
        workflowType: { name: 'fit-all' },
        input: payloads({ params: { depth: 4 } }),
      },
    });
    const { trials } = only(history);
    expect(trials[1]).toMatchObject({ sameAs: 0, seconds: 0 });
    expect(trials[2]).toMatchObject({ from: { trial: 0, rung: 0 } });
    expect(trials[3]).toMatchObject({ number: 3, state: 'running', params: { depth: 4 } });
  });

  test('inside a trial of another one has its own trials', () => {
    const history = new StudyHistory().record({ ...began, study: 'search[2]/inner' });
    history.step('search[2]/inner[4]/fit', { params: { depth: 1 } });
    history.step('search[2]/fit#2', {});
    history.step('other[1]/fit', {});
    const { studies } = projectRun(history);
    expect(studies.map((study) => [study.id, states(study)])).toEqual([
      ['search', ['2@0 running']],
      ['search[2]/inner', ['4@0 running']],
    ]);
  });

  test('that went on as a new run counts the trials that it does not know', () => {
    const history = new HistoryWriter();
    history.add('WORKFLOW_EXECUTION_STARTED', {
      workflowExecutionStartedEventAttributes: { workflowId: 'w/search', continuedExecutionRunId: 'r0' },
    });
    history.memo(memo.study, began);
    const record = { study: 'search', event: 'trial', rung: 0, params: {}, state: 'completed', seconds: 1 } as const;
    for (const trial of [40, 42]) history.memo(memo.study, { ...record, trial, values: [trial] });
    const study = only(history);
    expect(study.earlierTrials).toBe(41);
    expect(states(study)).toEqual(['40@0 completed', '42@0 completed']);
  });

  test('keeps its view small: the newest 5,000 trials, and the beginnings of messages', () => {
    const history = new StudyHistory();
    for (let trial = 0; trial < 5_003; trial++) {
      const failure = { code: 'USER_CODE_FAILED', message: 'x'.repeat(trial === 3 ? 10_000 : 1) };
      history.trial(trial, 0, { state: 'failed', failure });
    }
    const { trials, earlierTrials, endedCalls } = only(history);
    expect([trials.length, trials[0]?.number, earlierTrials, endedCalls]).toEqual([5_000, 3, 3, 5_003]);
    expect(trials[0]).toMatchObject({ failure: { message: `${'x'.repeat(299)}…` } });
  });

  test('takes no harm from records that no study writes', () => {
    const history = new StudyHistory();
    const { study, ...rest } = began;
    const foreign: unknown[] = [
      null,
      'text',
      { ...rest },
      { ...began, study: 'a', objectives: [] },
      { ...began, study: 'b', space: 3 },
      { study: 'unknown', event: 'ended', state: 'completed' },
      { study, event: 'another' },
      { study, event: 'trial', trial: -1, rung: 0, params: {}, state: 'completed', values: [1], seconds: 1 },
      { study, event: 'trial', trial: 1, rung: 0, params: {}, state: 'completed', values: [null], seconds: 1 },
    ];
    for (const record of foreign) history.memo(memo.study, record);
    expect(projectRun(history).studies).toMatchObject([{ id: 'search', trials: [], endedCalls: 0 }]);
  });

  test('of an artifact is the study of the history, without times, and with the importance of parameters', () => {
    const history = ashaHistory().ended({ state: 'completed', best: 1 });
    const ended = history.events.flatMap(({ workflowPropertiesModifiedEventAttributes: attributes }) => {
      const text = attributes?.upsertedMemo?.fields?.[memo.study]?.data;
      const record = text && (JSON.parse(Buffer.from(text).toString()) as TrialEnded);
      return record?.event === 'trial' ? [record] : [];
    });
    const document: StudyDocument = { ...began, state: 'completed', best: 1, ended, importance: { depth: 1 } };
    const whole = studyOfDocument(JSON.parse(JSON.stringify(document)), 1_005_000, 1_019_000);
    const seen = only(history);
    const timeless = (study: StudyView | undefined) =>
      JSON.parse(JSON.stringify(study, (key, value) => (key === 'endedAt' || key === 'at' ? undefined : value)));
    const known = seen.trials.filter(({ number }) => number !== 6 && number !== 0);
    expect(timeless(whole)).toMatchObject({ ...timeless({ ...seen, trials: [] }), trials: expect.any(Array) });
    expect(timeless(whole).trials.filter(({ number }: { number: number }) => number !== 0)).toEqual(
      timeless({ ...seen, trials: known }).trials,
    );
    expect(whole?.importance).toEqual({ depth: 1 });
    expect(studyOfDocument({ ...document, objectives: [] }, 0, 0)).toBeUndefined();
  });
});

test('a Pareto front of 1,000 candidates has those that none beats', () => {
  const objectives = [
    { metric: 'a', direction: 'maximize' },
    { metric: 'b', direction: 'minimize' },
    { metric: 'c', direction: 'maximize' },
  ] as const;
  const draw = (seed: number) => ((seed * 2_654_435_761) % 4_294_967_296) / 4_294_967_296;
  const all = Array.from({ length: 1_000 }, (_, number) => ({
    number,
    values: [draw(number + 1), draw(number * 7 + 3), draw(number * 13 + 5)].map((value) => Math.round(value * 50)),
  }));
  const front = new Set(paretoFront(all, objectives));
  const at = (values: readonly number[]) => [values[0] ?? 0, -(values[1] ?? 0), values[2] ?? 0];
  const isBeaten = (one: readonly number[]) =>
    all.some(({ values }) => {
      const other = at(values);
      return other.every((x, n) => x >= (one[n] ?? 0)) && other.some((x, n) => x > (one[n] ?? 0));
    });
  expect(front.size).toBeGreaterThan(3);
  for (const { number, values } of all) expect([number, isBeaten(at(values))]).toEqual([number, !front.has(number)]);
});
