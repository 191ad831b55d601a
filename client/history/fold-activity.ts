import { builtInPrefix, type StepHeader, stepHeader } from '../../workflows/sdk/protocol.js';
import { decodeObject, type HistoryEvent, toNumber } from './decode.js';
import type { Facts, Occurrence, StepEnd, StepFacts } from './fold.js';

/** Scheduling, starting and ending of steps. */
export function foldActivity(facts: Facts, { event, id, at }: Occurrence): void {
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) return foldScheduled(facts, event, id, at);

  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    const step = stepOf(facts, toNumber(started.scheduledEventId));
    if (step === undefined) return;
    step.attempt = started.attempt ?? 1;
    step.startedAt = at;
    if (started.identity) step.worker = started.identity;
    return;
  }
  const cancelling = event.activityTaskCancelRequestedEventAttributes;
  if (cancelling) {
    const step = stepOf(facts, toNumber(cancelling.scheduledEventId));
    if (step !== undefined) step.cancelRequested = { at, event: id };
    return;
  }
  const ended = endOf(event, id, at);
  const step = ended && stepOf(facts, ended.scheduled);
  if (!step) return;
  step.end = ended.end;
  facts.causes.arrive(step.id);
}

function foldScheduled(facts: Facts, event: HistoryEvent, id: number, at: number): void {
  const { activityId, activityType, header, input, taskQueue } = event.activityTaskScheduledEventAttributes ?? {};
  const name = activityType?.name ?? '';
  if (name.startsWith(builtInPrefix)) return;
  const step = decodeObject<StepHeader>(header?.fields?.[stepHeader]);
  const key = facts.asked.get(activityId ?? '') ?? id;
  const asked = facts.steps.get(key);
  facts.keys.set(id, key);
  const step0: StepFacts = {
    id: activityId ?? String(id),
    name,
    groups: step?.groups ?? [],
    scheduledAt: at,
    causes: asked?.causes ?? facts.causes.call(step?.calledAt),
    queue: taskQueue?.name ?? '',
    input: input?.payloads?.[0],
    summary: event.userMetadata?.summary,
    ...(step === undefined ? {} : { seed: step.seed }),
  };
  facts.steps.set(key, step0);
}

function stepOf(facts: Facts, scheduled: number): StepFacts | undefined {
  return facts.steps.get(facts.keys.get(scheduled) ?? -1);
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
