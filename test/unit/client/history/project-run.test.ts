import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { projectRun } from '../../../../client/history/project-run.js';
import { memo } from '../../../../workflows/sdk/protocol.js';
import { HistoryWriter, payload, payloads } from '../support/events.js';

const { PendingActivityState } = proto.temporal.api.enums.v1;

function artifact(letter: string, producedBy?: { runId: string; stepId: string }) {
  const sha256 = letter.repeat(64);
  const producer = producedBy && { producedBy: { workflowId: 'w', attempt: 1, ...producedBy } };
  return { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 1, mediaType: 'text/csv', ...producer };
}

function edges(history: HistoryWriter, kind: 'data' | 'cause'): string[] {
  const view = projectRun({ history: history.history });
  return view.edges.filter((edge) => edge.kind === kind).map(({ from, to }) => `${from} → ${to}`);
}

describe('the run', () => {
  test('that has only started is running, with its input, seed and provenance', () => {
    const writer = new HistoryWriter().started('iris', { n: 1 }, { seed: 4, provenance: { node: 'v20' } });
    const view = projectRun(writer);
    expect(view).toMatchObject({ workflowId: 'w', runId: 'r', pipeline: 'iris', input: { n: 1 }, seed: 4 });
    expect(view.status).toEqual({ kind: 'running' });
    expect(view.provenance).toEqual({ node: 'v20' });
    expect(view.startedAt).toBe(1_001_000);
  });

  test('that a gate ended is rejected, and a completed one has its output unwrapped', () => {
    const rejected = new HistoryWriter().started();
    rejected.add('WORKFLOW_EXECUTION_COMPLETED', {
      workflowExecutionCompletedEventAttributes: {
        result: payloads({ outcome: 'rejected', gate: 'g', facts: { a: 1 } }),
      },
    });
    expect(projectRun(rejected).status).toEqual({ kind: 'rejected', gate: 'g', facts: { a: 1 } });
    expect(projectRun(rejected)).not.toHaveProperty('output');

    const completed = new HistoryWriter().started();
    completed.add('WORKFLOW_EXECUTION_COMPLETED', {
      workflowExecutionCompletedEventAttributes: { result: payloads({ outcome: 'completed', output: 3 }) },
    });
    expect(projectRun(completed)).toMatchObject({ status: { kind: 'completed' }, output: 3, closedAt: 1_002_000 });
  });

  test('that failed says the innermost code, the message without its link, and the step', () => {
    const writer = new HistoryWriter().started();
    writer.add('WORKFLOW_EXECUTION_FAILED', {
      workflowExecutionFailedEventAttributes: {
        failure: {
          message: 'it broke [USER_DATA_MALFORMED, see docs/errors.md#user_data_malformed]',
          applicationFailureInfo: { type: 'USER_DATA_MALFORMED' },
          cause: { message: 'x', activityFailureInfo: { activityId: 'fit' }, cause: { message: 'it broke' } },
        },
      },
    });
    const failed = { kind: 'failed', code: 'USER_DATA_MALFORMED', message: 'it broke', stepId: 'fit' };
    expect(projectRun(writer).status).toEqual(failed);
  });

  test('that ended otherwise says how', () => {
    const ends = [
      ['WORKFLOW_EXECUTION_CANCELED', { workflowExecutionCanceledEventAttributes: {} }, { kind: 'cancelled' }],
      ['WORKFLOW_EXECUTION_TIMED_OUT', { workflowExecutionTimedOutEventAttributes: {} }, { kind: 'timed-out' }],
      [
        'WORKFLOW_EXECUTION_TERMINATED',
        { workflowExecutionTerminatedEventAttributes: { reason: 'enough' } },
        { kind: 'terminated', reason: 'enough' },
      ],
      [
        'WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
        { workflowExecutionContinuedAsNewEventAttributes: { newExecutionRunId: 'r2' } },
        { kind: 'continued', runId: 'r2' },
      ],
    ] as const;
    for (const [type, attributes, status] of ends) {
      const writer = new HistoryWriter().started();
      writer.add(type, attributes);
      expect(projectRun(writer).status).toEqual(status);
    }
  });

  test('whose code fails outside of any step is blocked until a task succeeds', () => {
    const writer = new HistoryWriter().started();
    writer.add('WORKFLOW_TASK_FAILED', {
      workflowTaskFailedEventAttributes: { cause: 14, failure: { message: 'no pipeline "iris"' } },
    });
    const pending = { pendingWorkflowTask: { attempt: 3 } };
    expect(projectRun({ history: writer.history, pending }).blocked).toEqual({
      since: 1_002_000,
      message: 'no pipeline "iris"',
      attempt: 3,
    });
    writer.task();
    expect(projectRun(writer)).not.toHaveProperty('blocked');
  });

  test('reads the same from JSON, and keeps JSON', () => {
    const writer = new HistoryWriter().started('p', { n: 1 });
    writer.task();
    writer.done(writer.step('a'), { x: 1 });
    const view = projectRun(writer);
    const fromJson = JSON.parse(historyToJSON(proto.temporal.api.history.v1.History.create(writer.history) as never));
    expect(projectRun({ history: fromJson })).toEqual(view);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
  });

  test('names the encoding of what it cannot decode, and never throws on what a foreign history holds', () => {
    const encrypted = {
      metadata: { encoding: new TextEncoder().encode('binary/encrypted') },
      data: new Uint8Array([1]),
    };
    const damaged = { metadata: { encoding: new TextEncoder().encode('json/plain') }, data: new Uint8Array([123]) };
    const writer = new HistoryWriter();
    writer.add('WORKFLOW_EXECUTION_STARTED', {
      workflowExecutionStartedEventAttributes: { input: { payloads: [encrypted, payload({ seed: 'x', rerun: 3 })] } },
    });
    writer.task();
    writer.memo(memo.gate, 'text');
    writer.memo(memo.reused, { nothing: true });
    writer.memo(memo.approval, null);
    writer.add('MARKER_RECORDED', {
      markerRecordedEventAttributes: { markerName: 'core_local_activity', details: { data: { payloads: [damaged] } } },
    });
    writer.add('WORKFLOW_EXECUTION_SIGNALED', { workflowExecutionSignaledEventAttributes: { signalName: 's' } });
    writer.add('NEXUS_OPERATION_STARTED', {});
    writer.done(999);
    const view = projectRun(writer);
    expect(view.input).toEqual({ undecodable: 'binary/encrypted' });
    expect(view).toMatchObject({
      seed: 0,
      gates: [],
      approvals: [],
      steps: [],
      signals: [{ name: 's', payload: null }],
    });
    expect(projectRun({ history: { events: [] } })).toMatchObject({ workflowId: '', steps: [] });
  });
});

describe('a step', () => {
  test('that was scheduled is unknown to history alone', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.step('fit', { a: 1 }, { groups: ['search'] });
    expect(projectRun(writer).steps).toEqual([
      {
        id: 'fit',
        name: 'fit',
        status: 'unknown',
        groups: ['search'],
        queue: 'q',
        scheduledAt: 1_005_000,
        attempt: 'unknown',
        input: { a: 1 },
        seed: 7,
        metrics: {},
      },
    ]);
  });

  test('that a run cancelled and did not wait for is cancelled once the run has closed', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const scheduled = writer.step('fit');
    writer.add('ACTIVITY_TASK_CANCEL_REQUESTED', {
      activityTaskCancelRequestedEventAttributes: { scheduledEventId: scheduled as never },
    });
    expect(projectRun(writer).steps[0]?.status).toBe('unknown');
    writer.add('WORKFLOW_EXECUTION_CANCELED', { workflowExecutionCanceledEventAttributes: {} });
    expect(projectRun(writer)).toMatchObject({ status: { kind: 'cancelled' }, steps: [{ status: 'cancelled' }] });
  });

  test('is queued or running as `describe()` says, with its heartbeat and last failure', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.step('a');
    writer.step('b');
    const time = (seconds: number) => ({ seconds: seconds as never, nanos: 500_000_000 });
    const pendingActivities = [
      {
        activityId: 'a',
        state: PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
        attempt: 2,
        lastStartedTime: time(1_010),
        lastHeartbeatTime: time(1_011),
        heartbeatDetails: payloads({ fraction: 0.5 }),
        lastWorkerIdentity: 'worker-1',
      },
      {
        activityId: 'b',
        state: PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        attempt: 3,
        scheduledTime: time(1_012),
        lastFailure: { message: 'no memory', applicationFailureInfo: { type: 'USER_JOB_FAILED' } },
      },
    ];
    const [a, b] = projectRun({ history: writer.history, pending: { pendingActivities } }).steps;
    expect(a).toMatchObject({
      status: 'running',
      attempt: 2,
      startedAt: 1_010_500,
      lastHeartbeatAt: 1_011_500,
      progress: { fraction: 0.5 },
      worker: 'worker-1',
      cancelRequested: false,
    });
    expect(b).toMatchObject({
      status: 'queued',
      attempt: 3,
      nextAttemptAt: 1_012_500,
      lastFailure: { code: 'USER_JOB_FAILED', message: 'no memory' },
    });
  });

  test('that ended is as history says, whatever an older `describe()` said', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.done(writer.step('a'), { accuracy: 0.9, name: 'x', metrics: { f1: 0.8 } });
    const pendingActivities = [{ activityId: 'a', state: 2, attempt: 1 }];
    const [step] = projectRun({ history: writer.history, pending: { pendingActivities } }).steps;
    expect(step).toMatchObject({ status: 'completed', attempt: 1, metrics: { accuracy: 0.9, f1: 0.8 } });
  });

  test('carries its attempts from the journal, in order, and their last metrics while it has no output', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.step('a');
    writer.step('b');
    const record = { stepId: 'a', startedAt: 5, endedAt: '1970-01-01T00:00:00.009Z', durationMs: 4, outcome: 'failed' };
    const attempts = [
      { ...record, attempt: 2, code: 'USER_JOB_FAILED', message: 'm', metricsLast: { loss: 0.25 } },
      { ...record, attempt: 1 },
    ];
    const [a, b] = projectRun({ history: writer.history, attempts }).steps;
    expect(a?.attempts).toEqual([
      { attempt: 1, startedAt: 5, endedAt: 9, durationMs: 4, outcome: 'failed' },
      { attempt: 2, startedAt: 5, endedAt: 9, durationMs: 4, outcome: 'failed', code: 'USER_JOB_FAILED', message: 'm' },
    ]);
    expect(a?.metrics).toEqual({ loss: 0.25 });
    expect(b?.attempts).toEqual([]);
  });

  test('that failed by a time-out says so in words', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const scheduledEventId = writer.step('a') as never;
    writer.add('ACTIVITY_TASK_TIMED_OUT', {
      activityTaskTimedOutEventAttributes: {
        scheduledEventId,
        failure: { message: 'activity Heartbeat timeout', timeoutFailureInfo: { timeoutType: 4 } },
      },
    });
    const failure = { code: 'SYSTEM_FAILED', message: 'Its worker stopped answering.' };
    expect(projectRun(writer).steps[0]).toMatchObject({ status: 'failed', failure });
  });

  test('that the cache answered shows its source, and one that a rerun handed over its output', () => {
    const recorded = { 'prepare/clean#2': { inputDigest: 'd', output: { rows: 3 } } };
    const options = { rerun: { of: { workflowId: 'w0', runId: 'r0' }, from: 'fit', recorded } };
    const writer = new HistoryWriter().started('p', {}, options);
    writer.task();
    writer.hit('features', { train: artifact('a') }, { n: 1 });
    writer.memo(memo.reused, { stepId: 'prepare/clean#2', step: 'clean' });
    const view = projectRun(writer);
    expect(view.rerunOf).toEqual({ workflowId: 'w0', runId: 'r0', from: 'fit' });
    expect(view.steps).toMatchObject([
      {
        id: 'features',
        status: 'cached',
        attempt: 0,
        input: { n: 1 },
        output: { train: artifact('a') },
        cacheSource: { workflowId: 'old', runId: 'o', stepId: 'features' },
      },
      { id: 'prepare/clean#2', name: 'clean', status: 'reused', groups: ['prepare'], output: { rows: 3 } },
    ]);
  });

  test('of Evertrain itself is no step', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.done(writer.step('evertrain.record-run'));
    expect(projectRun(writer)).toMatchObject({ steps: [], edges: [] });
  });
});

describe('data edges', () => {
  test('lead from the step that put an artifact out to those that take it in', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.done(writer.step('a'), { files: [artifact('a')] });
    writer.task();
    writer.done(writer.step('b', { deep: { table: artifact('a') }, again: artifact('a') }));
    writer.done(writer.step('c', { other: artifact('c') }));
    expect(edges(writer, 'data')).toEqual(['a → b']);
  });

  test('follow `producedBy` where two steps put out the same bytes, else the later step', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.done(writer.step('a'), artifact('a'));
    writer.done(writer.step('b'), artifact('a'));
    writer.task();
    writer.step('c', artifact('a', { runId: 'r', stepId: 'a' }));
    writer.step('d', artifact('a', { runId: 'another', stepId: 'a' }));
    expect(edges(writer, 'data')).toEqual(['a → c', 'b → d']);
  });

  test('never lead from a step that had not ended yet', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const late = writer.step('late');
    writer.step('early', artifact('a'));
    writer.done(late, artifact('a'));
    expect(edges(writer, 'data')).toEqual([]);
  });
});

describe('cause edges', () => {
  test('lead from what came in with a workflow task to what it called', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const [a, b] = [writer.step('a'), writer.step('b')];
    writer.done(a);
    writer.task();
    writer.step('c');
    writer.done(b);
    writer.task();
    writer.step('d');
    expect(edges(writer, 'cause')).toEqual(['a → c', 'b → d']);
    expect(projectRun(writer).edges.every((edge) => edge.approximate)).toBe(true);
  });

  test('carry what led to no call on to the next task that calls something', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const [a, b] = [writer.step('a'), writer.step('b')];
    writer.done(a);
    writer.task();
    writer.done(b);
    writer.task();
    writer.step('joined');
    writer.task();
    writer.step('later');
    expect(edges(writer, 'cause')).toEqual(['a → joined', 'b → joined']);
  });

  test('of a step that the pending window delayed lead from the task in which it was called', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const a = writer.step('a');
    writer.done(a);
    const calledAt = writer.task();
    const b = writer.step('b');
    writer.done(b);
    writer.task();
    writer.step('delayed', {}, { calledAt });
    expect(edges(writer, 'cause')).toEqual(['a → b', 'a → delayed']);
  });

  test('pass through signals, timers, cached steps and approvals', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const a = writer.step('a');
    writer.done(a);
    writer.task();
    writer.hit('cached', null);
    writer.memo(memo.approval, { id: 'ship', name: 'ship', state: 'waiting' });
    const startedEventId = writer.add('TIMER_STARTED', {
      timerStartedEventAttributes: { timerId: '1', startToFireTimeout: { seconds: 60 as never } },
    }) as never;
    writer.add('WORKFLOW_EXECUTION_SIGNALED', { workflowExecutionSignaledEventAttributes: { signalName: 's' } });
    writer.task();
    writer.add('WORKFLOW_EXECUTION_UPDATE_ACCEPTED', {
      workflowExecutionUpdateAcceptedEventAttributes: {
        acceptedRequest: {
          meta: { updateId: 'u' },
          input: { name: 'evertrain.approve', args: payloads({ id: 'ship' }) },
        },
      },
    });
    writer.add('TIMER_CANCELED', { timerCanceledEventAttributes: { timerId: '1', startedEventId } });
    writer.step('b');
    expect(edges(writer, 'cause').sort()).toEqual([
      'a → approval:ship',
      'a → cached',
      'a → timer:1',
      'approval:ship → b',
      'cached → approval:ship',
      'cached → timer:1',
      'signal:s#1 → b',
      'timer:1 → b',
    ]);
  });

  test('go through the workflow task where many ends meet many calls', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    const first = Array.from({ length: 20 }, (_, n) => writer.step(`a#${n}`));
    for (const step of first) writer.done(step);
    const task = writer.task();
    for (let n = 0; n < 20; n++) writer.step(`b#${n}`);
    const found = edges(writer, 'cause');
    expect(found).toHaveLength(40);
    expect(found).toContain(`a#3 → task:${task}`);
    expect(found).toContain(`task:${task} → b#7`);
  });
});

describe('approvals and gates', () => {
  test('are records with their times', () => {
    const writer = new HistoryWriter().started();
    writer.task();
    writer.memo(memo.gate, { name: 'g', passed: true, facts: { rows: 3 } });
    const answerSchema = { type: 'boolean' };
    writer.memo(memo.approval, { id: 'ship', name: 'ship', state: 'waiting', facts: { a: 1 }, answerSchema });
    expect(projectRun(writer)).toMatchObject({ waitingFor: ['approval:ship'], gates: [{ name: 'g', at: 1_005_000 }] });
    writer.task();
    writer.memo(memo.approval, { id: 'ship', name: 'ship', state: 'answered', answer: true, actor: 'ann' });
    const view = projectRun(writer);
    expect(view.waitingFor).toEqual([]);
    expect(view.approvals).toEqual([
      {
        id: 'ship',
        name: 'ship',
        state: 'answered',
        facts: { a: 1 },
        answerSchema,
        answer: true,
        actor: 'ann',
        askedAt: 1_006_000,
        answeredAt: 1_010_000,
      },
    ]);
  });
});

test('projects 20,000 events whole (how fast, `npm run bench -- core` says)', () => {
  const writer = new HistoryWriter().started();
  writer.task();
  let input: unknown = {};
  while (writer.events.length < 20_000) {
    const steps = Array.from({ length: 10 }, (_, n) => writer.step(`fit#${writer.events.length}`, { n, input }));
    for (const step of steps) writer.done(step, { accuracy: 0.9, model: artifact('abcdef'[step % 6] as string) });
    input = artifact('a');
    writer.task();
  }
  const { steps, events } = projectRun(writer);
  expect(events).toBe(writer.events.length);
  expect(steps.length).toBeGreaterThan(6_000);
  expect(steps.every(({ status }) => status === 'completed')).toBe(true);
});
