import proto, { type temporal } from '@temporalio/proto';
import { notYet } from '../../workflows/sdk/protocol.js';
import { decodeFirst, decodePayload, failureView, toMillis } from './decode.js';
import type { StepFacts } from './facts.js';
import type { AttemptRecord, AttemptView, FailureView, RunningStep, StepBase, StepView } from './run-view.js';

export type PendingActivity = temporal.api.workflow.v1.IPendingActivityInfo;

const { PendingActivityState } = proto.temporal.api.enums.v1;

/**
 * A step as people see it: its end from history; while it has none, its state from `describe()`; its attempts from the
 * journal. Each says what it knows, and nothing stands in for a missing one.
 */
export function stepView(
  facts: StepFacts,
  values: StepValues,
  pending: PendingActivity | undefined,
  attempts: readonly AttemptRecord[] | undefined,
  isOpen: boolean,
): StepView {
  const base = baseOf(facts, values, attempts);
  if (facts.end === undefined) return openStep(facts, base, pending, isOpen);
  const { at: endedAt } = facts.end;
  const started = facts.startedAt === undefined ? {} : { startedAt: facts.startedAt };
  switch (facts.end.kind) {
    case 'completed':
      return {
        ...base,
        status: 'completed',
        startedAt: facts.startedAt ?? facts.scheduledAt,
        endedAt,
        output: values.output,
      };
    case 'failed':
      return { ...base, status: 'failed', ...started, endedAt, failure: failureView(facts.end.failure) };
    case 'cancelled':
      return { ...base, status: 'cancelled', ...started, endedAt };
    case 'cached': {
      const { source, key } = facts.end.lookup;
      return { ...base, status: 'cached', endedAt, output: values.output, cacheSource: source, cacheKey: key };
    }
    case 'reused':
      return {
        ...base,
        status: 'reused',
        endedAt,
        output: values.output,
        ...(values.recordedBy === undefined ? {} : { reusedFrom: values.recordedBy }),
      };
  }
}

/** A step's input and output, decoded once for the view and its edges. `undefined`: history does not carry it. */
export interface StepValues {
  readonly input: unknown;
  readonly output: unknown;
  /** The run whose output was there to be handed over for a call of this id. */
  readonly recordedBy?: { readonly workflowId: string; readonly runId: string } | undefined;
}

function baseOf(facts: StepFacts, values: StepValues, attempts: readonly AttemptRecord[] | undefined): StepBase {
  const summary = facts.summary ? decodePayload(facts.summary) : undefined;
  const answered = facts.end?.kind === 'cached' || facts.end?.kind === 'reused';
  const last = attempts?.at(-1);
  return {
    id: facts.id,
    name: facts.name,
    groups: facts.groups,
    ...(facts.queue === undefined ? {} : { queue: facts.queue }),
    ...(facts.isLight ? { light: true } : {}),
    ...(facts.waitsUntil === undefined ? {} : { waitsUntil: facts.waitsUntil }),
    scheduledAt: facts.scheduledAt,
    attempt: answered ? 0 : (facts.attempt ?? 'unknown'),
    ...(attempts === undefined ? {} : { attempts: attempts.map(attemptView) }),
    ...(values.input === undefined ? {} : { input: values.input }),
    ...(facts.seed === undefined ? {} : { seed: facts.seed }),
    ...(typeof summary === 'string' ? { summary } : {}),
    ...(values.recordedBy === undefined || facts.end?.kind === 'reused' ? {} : { inputDiffers: true }),
    metrics: values.output === undefined ? { ...last?.metricsLast } : metricsOf(values.output),
  };
}

function openStep(facts: StepFacts, base: StepBase, pending: PendingActivity | undefined, isOpen: boolean): StepView {
  const { waitsForPool } = facts;
  if (waitsForPool !== undefined && isOpen) {
    const pool = waitsForPool.split('/').at(-1) ?? '';
    return { ...base, status: 'queued', attempt: 0, waitsForPool: pool, poolId: waitsForPool };
  }
  if (facts.waitsFor !== undefined) {
    const { workflowId, runId, stepId } = facts.waitsFor;
    return { ...base, attempt: 0, status: 'queued', waitsFor: { workflowId, runId, stepId } };
  }
  if (pending === undefined) {
    // History shows a start without an end only for an activity that is never retried.
    if (facts.startedAt === undefined) return { ...base, status: 'unknown' };
    const worker = facts.worker === undefined ? {} : { worker: facts.worker };
    return { ...base, status: 'running', startedAt: facts.startedAt, ...worker, cancelRequested: false };
  }
  if (facts.waitsUntil !== undefined) return waitingSensor(base, facts.waitsUntil, pending);
  const attempt = (pending.attempt ?? 1) + (facts.isLight ? 1 : 0);
  const lastFailure: { lastFailure?: FailureView } = pending.lastFailure
    ? { lastFailure: failureView(pending.lastFailure) }
    : {};
  const startedAt = toMillis(pending.lastStartedTime);
  if (!isRunning(pending) || startedAt === undefined) {
    const nextAt = attempt > 1 ? toMillis(pending.nextAttemptScheduleTime ?? pending.scheduledTime) : undefined;
    const next = nextAt === undefined ? {} : { nextAttemptAt: nextAt };
    return { ...base, attempt, status: 'queued', ...lastFailure, ...next };
  }
  const heartbeat = toMillis(pending.lastHeartbeatTime);
  return {
    ...base,
    attempt,
    status: 'running',
    startedAt,
    cancelRequested: pending.state === PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
    ...(heartbeat === undefined ? {} : { lastHeartbeatAt: heartbeat }),
    ...heartbeatOf(pending),
    ...(pending.lastWorkerIdentity ? { worker: pending.lastWorkerIdentity } : {}),
    ...lastFailure,
  };
}

function waitingSensor(base: StepBase, waitsUntil: string, pending: PendingActivity): StepView {
  const attempt = pending.attempt ?? 1;
  const last = pending.lastFailure ? failureView(pending.lastFailure) : undefined;
  const told = last?.code === notYet ? { lastLook: last.message } : last && { lastFailure: last };
  const nextAt = attempt > 1 ? toMillis(pending.nextAttemptScheduleTime ?? pending.scheduledTime) : undefined;
  const next = isRunning(pending) || nextAt === undefined ? {} : { nextLookAt: nextAt };
  return { ...base, attempt, status: 'waiting', waitsUntil, looks: attempt - 1, ...told, ...next };
}

/** A step's heartbeat carries `{ progress?, checkpoint? }`; an activity that is no step may carry anything. */
function heartbeatOf({ heartbeatDetails }: PendingActivity): Pick<RunningStep, 'progress' | 'checkpoint'> {
  if (!heartbeatDetails?.payloads?.length) return {};
  const details = decodeFirst(heartbeatDetails);
  const isOwn =
    typeof details === 'object' &&
    details !== null &&
    Object.keys(details).every((key) => key === 'progress' || key === 'checkpoint');
  return isOwn ? details : { progress: details };
}

function isRunning({ state }: PendingActivity): boolean {
  return (
    state === PendingActivityState.PENDING_ACTIVITY_STATE_STARTED ||
    state === PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED ||
    state === PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
  );
}

function attemptView(record: AttemptRecord): AttemptView {
  const { attempt, outcome, durationMs, code, message } = record;
  return {
    attempt,
    startedAt: new Date(record.startedAt).getTime(),
    endedAt: new Date(record.endedAt).getTime(),
    durationMs,
    outcome,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  };
}

/** The numbers that people compare: those at the top of an output, and those of its `metrics`. */
function metricsOf(output: unknown): Record<string, number> {
  const found: Record<string, number> = {};
  if (typeof output !== 'object' || output === null || Array.isArray(output)) return found;
  const { metrics } = output as { metrics?: unknown };
  for (const source of [output, metrics]) {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) continue;
    for (const [name, value] of Object.entries(source)) if (typeof value === 'number') found[name] = value;
  }
  return found;
}
