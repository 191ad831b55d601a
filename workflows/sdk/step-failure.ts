import {
  ActivityFailure,
  ApplicationFailure,
  ChildWorkflowFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { EvertrainError, isErrorCode, withoutLink } from './errors.js';

/** Brings a step's or child's failure into an EvertrainError; cancellation and Temporal's own errors pass as they are. */
export function stepFailure(error: unknown, id: string): unknown {
  if (isCancellation(error)) return error;
  if (!(error instanceof ActivityFailure) && !(error instanceof ChildWorkflowFailure)) return error;
  const cause = error.cause;
  if (cause instanceof ApplicationFailure) {
    const code = isErrorCode(cause.type) ? cause.type : 'USER_CODE_FAILED';
    return failed(code, `"${id}" failed: ${withoutLink(cause.message)}`, error);
  }
  if (cause instanceof TimeoutFailure) return failed('SYSTEM_FAILED', `"${id}" failed: ${timeoutText(cause)}`, error);
  return failed('SYSTEM_FAILED', `"${id}" failed: ${cause?.message ?? error.message}`, error);
}

function failed(code: ConstructorParameters<typeof EvertrainError>[0], what: string, cause: unknown): EvertrainError {
  return new EvertrainError(code, what, { cause });
}

function timeoutText(timeout: TimeoutFailure): string {
  if (timeout.timeoutType === 'HEARTBEAT') return 'its worker stopped answering in the last attempt.';
  if (timeout.timeoutType === 'START_TO_CLOSE') return 'the last attempt ran longer than its `timeout`.';
  return `it ran into the time-out ${timeout.timeoutType}.`;
}
