import { builtIn, builtInPrefix, type CacheWait, type StepHeader, stepHeader } from '../../workflows/sdk/protocol.js';
import { decodeObject, type HistoryEvent, toNumber } from './decode.js';
import type { Facts, Occurrence, StepEnd, StepFacts } from './fold.js';

/** Scheduling, starting and ending of steps. */
export function foldActivity(facts: Facts, { event, id, at }: Occurrence): void {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) return foldScheduled(facts, event, id, at);

  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    const step = facts.steps.get(toNumber(started.scheduledEventId));
    if (step === undefined) return;
    step.attempt = started.attempt ?? 1;
    step.startedAt = at;
    if (started.identity) step.worker = started.identity;
    return;
  }
  const cancelling = event.activityTaskCancelRequestedEventAttributes;
  if (cancelling) {
    const step = facts.steps.get(toNumber(cancelling.scheduledEventId));
    if (step !== undefined) step.cancelRequested = { at, event: id };
    return;
  }
  const ended = endOf(event, id, at);
  const step = ended && facts.steps.get(ended.scheduled);
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
  if (name.startsWith(builtInPrefix)) return;
  const step = decodeObject<StepHeader>(header?.fields?.[stepHeader]);
  const step0: StepFacts = {
    id: activityId ?? String(id),
    name,
    groups: step?.groups ?? [],
    scheduledAt: at,
    causes: facts.waited.get(activityId ?? '') ?? facts.causes.call(step?.calledAt),
    queue: taskQueue?.name ?? '',
    input: input?.payloads?.[0],
    summary: event.userMetadata?.summary,
    ...(step === undefined ? {} : { seed: step.seed }),
  };
  facts.steps.set(id, step0);
}

/** The call was made now, whatever becomes of it when the wait is over. */
function foldWait(facts: Facts, wait: CacheWait | undefined, id: number, at: number): void {
  if (typeof wait?.stepId !== 'string') return;
  const { stepId, step: name, claim: waitsFor } = wait;
  const causes = facts.waited.get(stepId) ?? facts.causes.call();
  facts.waited.set(stepId, causes);
  facts.steps.set(id, { id: stepId, name, groups: groupsOf(stepId), scheduledAt: at, causes, waitsFor });
}

/** A step that was not scheduled has no header; its id tells the groups all the same: `search[2]@1/prepare/fit` → search, prepare. */
export function groupsOf(stepId: string): string[] {
  return stepId
    .split('/')
    .slice(0, -1)
    .map((part) => part.replace(/\[\d+\](@\d+)?$/, ''));
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
