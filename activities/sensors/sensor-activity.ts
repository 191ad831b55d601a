import { CancelledFailure, Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { notYet } from '../../workflows/sdk/protocol.js';
import type { SensorAnswer, SensorRequest } from '../../workflows/sdk/sensors/condition.js';
import { sensorTimedOut } from '../../workflows/sdk/sensors/timed-out.js';
import { asApplicationFailure } from '../sdk/failure.js';
import type { Look, Looks, Seen } from './look.js';

const longestWaitMs = 3_600_000;

/**
 * One look of a sensor as an attempt of its activity. While the condition does not hold the attempt fails, with the time
 * of the next one, and the engine keeps nothing but that in between. The look at the end of the time-out is the last.
 */
export function sensorActivity(looks: Looks) {
  return async (request: SensorRequest): Promise<SensorAnswer> => {
    const { info, cancellationSignal } = Context.current();
    const began = performance.now();
    const look = looks[request.condition.kind as keyof Looks] as Look<unknown>;
    const seen: Seen | { readonly failure: ApplicationFailure } = await look(
      request.condition,
      cancellationSignal,
    ).catch((error: unknown) => ({ failure: asApplicationFailure(error, `Sensor "${request.name}"`) }));
    if ('met' in seen && seen.met) return seen;
    if (cancellationSignal.aborted) throw new CancelledFailure(`"${request.name}" was cancelled.`);
    if ('failure' in seen && seen.failure.nonRetryable === true) throw seen.failure;
    // By the engine's clock: this machine's may be another.
    const beganAfterMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
    const leftMs = (request.timeoutMs ?? Infinity) - beganAfterMs - (performance.now() - began);
    if (leftMs > 0) throw laterLook(seen, Math.min(leftMs, nextWaitMs(request, info.attempt)));
    // What could not be looked at is no answer.
    if ('failure' in seen) throw ApplicationFailure.create({ ...fieldsOf(seen.failure), nonRetryable: true });
    if (request.onTimeout === 'skip') return { met: false };
    throw asApplicationFailure(sensorTimedOut(request, seen.said), request.name);
  };
}

/** Up to a tenth less, so that sensors which began together do not all look at once. */
function nextWaitMs({ everyMs, backoff = 1, maxEveryMs }: SensorRequest, attempt: number): number {
  const longest = Math.max(everyMs, maxEveryMs ?? longestWaitMs);
  return Math.min(everyMs * backoff ** (attempt - 1), longest) * (1 - Math.random() / 10);
}

function laterLook(seen: { readonly said: string } | { readonly failure: ApplicationFailure }, waitMs: number) {
  const nextRetryDelay = Math.max(1, Math.ceil(waitMs));
  if ('failure' in seen) return ApplicationFailure.create({ ...fieldsOf(seen.failure), nextRetryDelay });
  const category = ApplicationFailureCategory.BENIGN;
  return ApplicationFailure.create({ message: seen.said, type: notYet, nextRetryDelay, category });
}

function fieldsOf({ message, type, details, cause }: ApplicationFailure) {
  return {
    message,
    ...(type == null ? {} : { type }),
    details: details ?? [],
    ...(cause === undefined ? {} : { cause }),
  };
}
