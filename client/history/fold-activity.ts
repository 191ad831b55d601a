import type { CacheWait } from '../../workflows/sdk/cache-messages.js';
import { builtIn, isHidden } from '../../workflows/sdk/protocol.js';
import type { SensorRequest } from '../../workflows/sdk/sensors/condition.js';
import { type StepHeader, stepHeader } from '../../workflows/sdk/step-header.js';
import { decodeObject, type HistoryEvent, toNumber } from './decode.js';
import { groupsOf } from './fold-light.js';
import type { Facts, Occurrence, StepEnd, StepFacts } from './facts.js';

/** Scheduling, starting and ending of steps. */
export function foldActivity(facts: Facts, { event, id, at }: Occurrence): void {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) return foldScheduled(facts, event, id, at);

  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    const step = facts.scheduled.get(toNumber(started.scheduledEventId));
    if (step === undefined) return;
    step.attempt = (started.attempt ?? 1) + (step.isLight ? 1 : 0);
    step.startedAt = at;
    if (started.identity) step.worker = started.identity;
    return;
  }
  const cancelling = event.activityTaskCancelRequestedEventAttributes;
  if (cancelling) {
    const step = facts.scheduled.get(toNumber(cancelling.scheduledEventId));
    if (step !== undefined) step.cancelRequested = { at, event: id };
    return;
  }
  const ended = endOf(event, id, at);
  const step = ended && facts.scheduled.get(ended.scheduled);
  if (!step) return;
  if (step.waitsFor !== undefined) {
    facts.steps.delete(ended.scheduled);
    return;
  }
  step.end = ended.end;
  facts.causes.arrive(step.id);
}

function foldScheduled(facts: Facts, event: HistoryEvent, id: number, at: number): void {
  const { activityId, activityType, header, input, taskQueue } = event.activityTaskScheduledEventAttributes ?? {};
  const name = activityType?.name ?? '';
  if (name === builtIn.cacheWait) return foldWait(facts, decodeObject<CacheWait>(input?.payloads?.[0]), id, at);
  if (name === builtIn.sensor) return foldSensor(facts, event, id, at);
  if (isHidden(name)) return;
  const step = decodeObject<StepHeader>(header?.fields?.[stepHeader]);
  const scheduled = {
    queue: taskQueue?.name ?? '',
    input: input?.payloads?.[0],
    ...(step === undefined ? {} : { seed: step.seed }),
  };
  const tried = step?.triedLight ? facts.triedLight.get(activityId ?? '') : undefined;
  if (tried !== undefined) {
    facts.scheduled.set(id, Object.assign(tried, scheduled));
    facts.triedLight.delete(tried.id);
    return;
  }
  const key = facts.asked.get(activityId ?? '') ?? id;
  const called: StepFacts = {
    id: activityId ?? String(id),
    name,
    groups: step?.groups ?? [],
    scheduledAt: at,
    causes: facts.waited.get(activityId ?? '') ?? facts.steps.get(key)?.causes ?? facts.causes.call(step?.calledAt),
    summary: event.userMetadata?.summary,
    ...scheduled,
  };
  facts.steps.set(key, called);
  facts.scheduled.set(id, called);
}

function foldSensor(facts: Facts, event: HistoryEvent, id: number, at: number): void {
  const { activityId, input, taskQueue } = event.activityTaskScheduledEventAttributes ?? {};
  const request = decodeObject<SensorRequest>(input?.payloads?.[0]);
  const stepId = activityId ?? String(id);
  const sensor: StepFacts = {
    id: stepId,
    name: String(request?.name ?? stepId),
    groups: groupsOf(stepId),
    scheduledAt: at,
    causes: facts.causes.call(),
    queue: taskQueue?.name ?? '',
    input: input?.payloads?.[0],
    waitsUntil: String(request?.condition?.words ?? ''),
  };
  facts.steps.set(id, sensor);
  facts.scheduled.set(id, sensor);
}

/** The call was made now, whatever becomes of it when the wait is over. */
function foldWait(facts: Facts, wait: CacheWait | undefined, id: number, at: number): void {
  if (typeof wait?.stepId !== 'string') return;
  const { stepId, step: name, claim: waitsFor } = wait;
  const causes = facts.waited.get(stepId) ?? facts.causes.call();
  facts.waited.set(stepId, causes);
  const waiting: StepFacts = { id: stepId, name, groups: groupsOf(stepId), scheduledAt: at, causes, waitsFor };
  facts.steps.set(id, waiting);
  facts.scheduled.set(id, waiting);
}

function endOf(event: HistoryEvent, id: number, at: number): { scheduled: number; end: StepEnd } | undefined {
  const completed = event.activityTaskCompletedEventAttributes;
  if (completed) {
    const output = completed.result?.payloads?.[0];
    return { scheduled: toNumber(completed.scheduledEventId), end: { kind: 'completed', at, event: id, output } };
  }
  const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
  if (failed) {
    const { failure } = failed;
    return { scheduled: toNumber(failed.scheduledEventId), end: { kind: 'failed', at, event: id, failure } };
  }
  const cancelled = event.activityTaskCanceledEventAttributes;
  if (!cancelled) return undefined;
  return { scheduled: toNumber(cancelled.scheduledEventId), end: { kind: 'cancelled', at, event: id } };
}
