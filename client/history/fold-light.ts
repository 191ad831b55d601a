import { defaultPayloadConverter } from '@temporalio/common';
import type { LightAnswer, LightRecord } from '../../workflows/sdk/light-record.js';
import { isHidden } from '../../workflows/sdk/protocol.js';
import { decodeObject, decodePayload, type Failure, type Payload, toMillis } from './decode.js';
import type { Facts, Occurrence, StepEnd, StepFacts } from './facts.js';

/** What the worker's core writes of a local activity. */
export interface LocalActivityData {
  readonly activity_type?: unknown;
  readonly complete_time?: { readonly seconds: number; readonly nanos: number } | null;
}

/**
 * The first attempt of a light step. The marker comes with the end of the workflow task, but says when the attempt ended;
 * one that failed and is tried again goes on as a normal activity of the same id.
 */
export function foldLight(facts: Facts, { event, id, at }: Occurrence, data: LocalActivityData | null): void {
  const name = data?.activity_type;
  if (typeof name !== 'string' || isHidden(name)) return;
  const { details, failure } = event.markerRecordedEventAttributes ?? {};
  const answer = decodeObject<LightAnswer>(details?.['result']?.payloads?.[0]);
  const record = failure ? recordOf(failure) : answer?.light;
  const stepId = record?.stepId ?? (failure?.timeoutFailureInfo ? idOf(event.userMetadata?.summary) : undefined);
  if (typeof stepId !== 'string') return;
  const endedAt = toMillis(data?.complete_time) ?? at;
  const startedAt = endedAt - (record?.durationMs ?? 0);
  const end = endOf(endedAt, id, answer, failure);
  const step: StepFacts = {
    id: stepId,
    name,
    groups: groupsOf(stepId),
    isLight: true,
    scheduledAt: startedAt,
    causes: end === undefined ? facts.causes.call() : facts.causes.answer(stepId),
    summary: event.userMetadata?.summary,
    ...(record === undefined ? {} : { seed: record.seed }),
    ...(record?.input === undefined ? {} : { input: encoded(record.input) }),
    ...(end === undefined ? {} : { attempt: 1, startedAt, end }),
  };
  facts.steps.set(id, step);
  if (end === undefined) facts.triedLight.set(stepId, step);
}

/** Undefined where another attempt may follow. */
function endOf(
  at: number,
  event: number,
  answer: LightAnswer | undefined,
  failure: Failure | null | undefined,
): StepEnd | undefined {
  if (!failure) return { kind: 'completed', at, event, output: encoded(answer?.output) };
  if (failure.canceledFailureInfo) return { kind: 'cancelled', at, event };
  return failure.applicationFailureInfo?.nonRetryable ? { kind: 'failed', at, event, failure } : undefined;
}

/** The last detail of what a light step fails with. */
function recordOf({ applicationFailureInfo, canceledFailureInfo }: Failure): LightRecord | undefined {
  const { payloads } = (applicationFailureInfo ?? canceledFailureInfo)?.details ?? {};
  return decodeObject<LightRecord>(payloads?.at(-1));
}

/** A summary is the step's id, with its description where it has one. */
function idOf(summary: Payload | null | undefined): string | undefined {
  const text = decodePayload(summary);
  return typeof text === 'string' ? text.split(': ')[0] : undefined;
}

function encoded(value: unknown): Payload {
  return defaultPayloadConverter.toPayload(value);
}

/** A step that was not scheduled has no header; its id tells the groups all the same: `search[2]@1/prepare/fit` → search, prepare. */
export function groupsOf(stepId: string): string[] {
  return stepId
    .split('/')
    .slice(0, -1)
    .map((part) => part.replace(/\[\d+\](@\d+)?$/, ''));
}
