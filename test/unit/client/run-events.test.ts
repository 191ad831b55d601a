import { describe, expect, test } from 'vitest';
import { projectRun } from '../../../client/history/project-run.js';
import { happenings } from '../../../client/run-events.js';
import { payloads, HistoryWriter } from './support/events.js';

function running(attempt: number, fraction?: number) {
  const details = fraction === undefined ? {} : { heartbeatDetails: payloads({ progress: { fraction } }) };
  const time = { seconds: (1_100 + attempt) as never, nanos: 0 };
  return { pendingActivities: [{ activityId: 'a', state: 2, attempt, lastStartedTime: time, ...details }] };
}

function queued(attempt: number) {
  const lastFailure = { message: 'no', applicationFailureInfo: { type: 'USER_CODE_FAILED' } };
  return { pendingActivities: [{ activityId: 'a', state: 1, attempt, ...(attempt > 1 ? { lastFailure } : {}) }] };
}

describe('what happened between two views', () => {
  test('tells each attempt, its progress once, its failure and its end', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const step = writer.step('a');
    const { history } = writer;
    const moments = [
      projectRun({ history }),
      projectRun({ history, pending: queued(1) }),
      projectRun({ history, pending: running(1) }),
      projectRun({ history, pending: running(1, 0.5) }),
      projectRun({ history, pending: running(1, 0.5) }),
      projectRun({ history, pending: queued(2) }),
      projectRun({ history, pending: queued(2) }),
      projectRun({ history, pending: running(2, 0.5) }),
    ];
    writer.done(step);
    writer.add('WORKFLOW_EXECUTION_COMPLETED', { workflowExecutionCompletedEventAttributes: {} });
    moments.push(projectRun({ history }));
    const told = moments.map((view, n) => happenings(moments[n - 1], view).map((event) => event.type));
    expect(told).toEqual([
      ['step-queued'],
      [],
      ['step-started'],
      ['step-progress'],
      [],
      ['step-retrying'],
      [],
      ['step-started', 'step-progress'],
      // The writer's step ended in attempt 1 by its history: an attempt that was not seen before.
      ['step-started', 'step-completed', 'closed'],
    ]);
  });

  test('of equal views is nothing', () => {
    const view = projectRun(new HistoryWriter().started());
    expect(happenings(view, view)).toEqual([]);
  });

  test('tells a run that goes on as a new one', () => {
    const writer = new HistoryWriter().started();
    const before = projectRun(writer);
    writer.add('WORKFLOW_EXECUTION_CONTINUED_AS_NEW', {
      workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'r2' },
    });
    expect(happenings(before, projectRun(writer))).toMatchObject([{ type: 'continued', runId: 'r2' }]);
  });

  test('tells once that a run is blocked', () => {
    const writer = new HistoryWriter().started();
    const before = projectRun(writer);
    writer.add('WORKFLOW_TASK_FAILED', {
      workflowTaskFailedEventAttributes: { failure: { message: 'unknown pipeline' } },
    });
    const blocked = projectRun(writer);
    expect(happenings(before, blocked)).toMatchObject([{ type: 'blocked', message: 'unknown pipeline' }]);
    expect(happenings(blocked, blocked)).toEqual([]);
  });
});
