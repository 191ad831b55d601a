import { defaultPayloadConverter } from '@temporalio/common';
import type { LightAnswer, LightEnds, LightFailure, LightRecord } from '../../workflows/sdk/light-record.js';
import { builtIn, isHidden } from '../../workflows/sdk/protocol.js';
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
  const { details, failure } = event.markerRecordedEventAttributes ?? {};
  const result = details?.['result']?.payloads?.[0];
  if (name === builtIn.lightSteps) {
    for (const [n, end] of (decodeObject<LightEnds>(result)?.ends ?? []).entries()) {
      if (typeof end !== 'object') continue;
      const { summary = end.light.stepId, failed } = end;
      const told = { name: end.name, summary: encoded(summary), answer: end, failure: failed && asFailure(failed) };
      foldAttempt(facts, { key: id + n / mostTogether, event: id, at: end.endedAt, record: end.light, ...told });
    }
    return;
  }
  if (typeof name !== 'string' || isHidden(name)) return;
  const answer = decodeObject<LightAnswer>(result);
  const record = failure ? recordOf(failure) : answer?.light;
  const { summary } = event.userMetadata ?? {};
  foldAttempt(facts, {
    key: id,
    event: id,
    at: toMillis(data?.complete_time) ?? at,
    name,
    summary,
    answer,
    failure,
    record,
  });
}

/** Keys of steps that one event tells of lie between its number and the next. */
const mostTogether = 1_000;

interface LightAttempt {
  readonly key: number;
  readonly event: number;
  /** When it ended. */
  readonly at: number;
  readonly name: string;
  readonly summary: Payload | null | undefined;
  readonly record: LightRecord | undefined;
  readonly answer: LightAnswer | undefined;
  readonly failure: Failure | null | undefined;
}

function foldAttempt(facts: Facts, { key, event, at, name, summary, record, answer, failure }: LightAttempt): void {
  const stepId = record?.stepId ?? (failure?.timeoutFailureInfo ? idOf(summary) : undefined);
  if (typeof stepId !== 'string') return;
  const startedAt = at - (record?.durationMs ?? 0);
  const end = endOf(at, event, answer, failure);
  const step: StepFacts = {
    id: stepId,
    name,
    groups: groupsOf(stepId),
    isLight: true,
    scheduledAt: startedAt,
    causes: end === undefined ? facts.causes.call() : facts.causes.answer(stepId),
    summary,
    ...(record === undefined ? {} : { seed: record.seed }),
    ...(record?.input === undefined ? {} : { input: encoded(record.input) }),
    ...(end === undefined ? {} : { attempt: 1, startedAt, end }),
  };
  facts.steps.set(key, step);
  if (end === undefined) facts.triedLight.set(stepId, step);
}

/** What the marker of a step alone would hold. */
function asFailure(failed: LightFailure): Failure {
  if (!failed.isFinal) return { message: 'it may pass' };
  const { type, message } = failed;
  return { message, applicationFailureInfo: { type, nonRetryable: true } };
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
