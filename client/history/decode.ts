import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import type { temporal } from '@temporalio/proto';
import { withoutLink } from '../../workflows/sdk/errors.js';
import type { FailureView } from './run-view.js';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
export type Payload = temporal.api.common.v1.IPayload;
export type Failure = temporal.api.failure.v1.IFailure;

/** A history as the SDK fetches it, or as JSON (`temporal workflow show --output json`). */
export type HistoryInput = temporal.api.history.v1.IHistory | { readonly events: readonly unknown[] };

/** The events of a history, whichever form it has. */
export function eventsOf(history: HistoryInput): readonly HistoryEvent[] {
  const events = history.events ?? [];
  const first = events[0] as { eventType?: unknown } | undefined;
  if (typeof first?.eventType !== 'string') return events as readonly HistoryEvent[];
  return historyFromJSON({ events }).events ?? [];
}

/** A 64-bit number of the protocol, as a number: ids and sizes stay far below 2^53. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'object' && value !== null) {
    const { low, high } = value as { low: number; high: number };
    return high * 4294967296 + (low >>> 0);
  }
  return value === undefined || value === null ? 0 : Number(value);
}

/** Epoch milliseconds of a protocol timestamp; `undefined` where it is absent or stands for "never". */
export function toMillis(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number | undefined {
  if (time === null || time === undefined) return undefined;
  const seconds = toNumber(time.seconds);
  return seconds <= 0 ? undefined : seconds * 1000 + Math.floor((time.nanos ?? 0) / 1e6);
}

/** Milliseconds of a protocol duration. */
export function durationToMillis(duration: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return toNumber(duration?.seconds) * 1000 + Math.floor((duration?.nanos ?? 0) / 1e6);
}

/** Far quicker than a TextDecoder on the small payloads of a long history. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** The JSON value of a payload; `{ undecodable: <its encoding> }` where it is none (encrypted, binary, damaged). */
export function decodePayload(payload: Payload | null | undefined): unknown {
  if (payload === null || payload === undefined) return null;
  const marked = payload.metadata?.['encoding'];
  const encoding = marked === undefined ? 'none' : text(marked);
  if (encoding === 'binary/null') return null;
  if (encoding !== 'json/plain' && encoding !== 'json/protobuf') return { undecodable: encoding };
  try {
    return JSON.parse(text(payload.data ?? new Uint8Array()));
  } catch {
    return { undecodable: encoding };
  }
}

/** The first value of an argument list or result; `null` where there is none. */
export function decodeFirst(payloads: { payloads?: Payload[] | null } | null | undefined): unknown {
  return decodePayload(payloads?.payloads?.[0]);
}

/** The same with JSON objects only, for what Evertrain itself writes; `undefined` when it is anything else. */
export function decodeObject<T>(payload: Payload | null | undefined): T | undefined {
  const value = decodePayload(payload);
  const usable = typeof value === 'object' && value !== null && !Array.isArray(value) && !('undecodable' in value);
  return usable ? (value as T) : undefined;
}

/**
 * Why something failed, for people: the innermost failure that carries a type, since the outer ones only say that an
 * activity or child failed. Timeouts have no code of their own: they are the infrastructure's.
 */
export function failureView(failure: Failure | null | undefined): FailureView {
  let at = failure ?? {};
  while (!at.applicationFailureInfo && !at.timeoutFailureInfo && !at.canceledFailureInfo && at.cause) at = at.cause;
  // Beside a code of its own the link would be noise.
  const message = withoutLink(at.message ?? '') || 'no message';
  if (at.timeoutFailureInfo) {
    const type = at.timeoutFailureInfo.timeoutType ?? 0;
    return { code: 'SYSTEM_FAILED', message: timeoutWords[type] ?? message };
  }
  if (at.canceledFailureInfo) return { code: 'CANCELLED', message };
  return { code: at.applicationFailureInfo?.type || 'SYSTEM_FAILED', message };
}

const timeoutWords: Record<number, string> = {
  1: 'The attempt ran longer than its `timeout`.',
  2: 'No worker took it in time.',
  3: 'It was not done in time, retries included.',
  4: 'Its worker stopped answering.',
};

/** The id of the step at the bottom of a run's failure, where it was one. */
export function failedStepId(failure: Failure | null | undefined): string | undefined {
  for (let at = failure; at; at = at.cause) {
    const id = at.activityFailureInfo?.activityId;
    if (id) return id;
  }
  return undefined;
}
