import { ApplicationFailure, isCancellation, rootCause, TemporalFailure } from '@temporalio/workflow';
import { EvertrainError, isEvertrainError, withoutLink } from './errors.js';
import { shortError, shortText } from './short-error.js';

/** A plain error would fail the workflow task for ever; a run's own failure is an ApplicationFailure with a code. */
export function asFailure(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof TemporalFailure) throw error;
  const known = isEvertrainError(error)
    ? error
    : new EvertrainError('USER_CODE_FAILED', `The pipeline's code threw ${describe(error)}.`, { cause: error });
  return ApplicationFailure.create({
    type: known.code,
    message: shortText(known.message),
    nonRetryable: true,
    ...(error instanceof Error ? { cause: shortError(error) } : {}),
    details: [
      { what: shortText(withoutLink(known.message)), ...(known.remedy === undefined ? {} : { remedy: known.remedy }) },
    ],
  });
}

function describe(error: unknown): string {
  return shortText(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/** Lets an update's validator refuse with a code that survives the wire. */
export function refusing(check: () => unknown): void {
  try {
    check();
  } catch (error) {
    throw asFailure(error);
  }
}

/** What a failure that came over the wire says at its root. */
export function failureText(error: unknown): string {
  return rootCause(error) ?? String(error);
}

/** For what is told another way as well: only a cancellation is passed on. */
export function unlessCancelled(error: unknown): void {
  if (isCancellation(error)) throw error;
}
