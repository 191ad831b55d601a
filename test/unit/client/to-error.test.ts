import { ServiceError, WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { isConnectionLoss, toEvertrainError } from '../../../client/to-error.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';

function runFailed(cause: Error): WorkflowFailedError {
  return new WorkflowFailedError('Workflow execution failed', cause, RetryState.RETRY_POLICY_NOT_SET);
}

function grpc(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(details), { code, details, metadata: {} });
  return new ServiceError('call failed', { cause });
}

describe('an error of Temporal', () => {
  test('keeps the code, words and remedy that a run gave it', () => {
    const known = new EvertrainError('USER_DATA_MALFORMED', 'Row 3 has no label.', { remedy: 'Add it.' });
    const details = [{ what: 'Row 3 has no label.', remedy: 'Add it.' }];
    const failure = ApplicationFailure.create({ message: known.message, type: known.code, details });
    const error = toEvertrainError(runFailed(failure));
    expect(error).toMatchObject({ code: 'USER_DATA_MALFORMED', remedy: 'Add it.', message: known.message });
    expect(error.cause).toBeInstanceOf(WorkflowFailedError);
  });

  test('looks through activity failures, and calls a foreign type a failure of user code', () => {
    const inner = ApplicationFailure.create({ message: 'out of range', type: 'RangeError' });
    const outer = new ActivityFailure(
      'Activity task failed',
      'fit',
      'fit',
      RetryState.MAXIMUM_ATTEMPTS_REACHED,
      'w',
      inner,
    );
    expect(toEvertrainError(runFailed(outer))).toMatchObject({ code: 'USER_CODE_FAILED' });
    expect(toEvertrainError(runFailed(outer)).message).toMatch(/^out of range\. \[USER_CODE_FAILED/);
  });

  test('tells refusals of updates, cancelled, terminated and timed-out runs', () => {
    const refused = new WorkflowUpdateFailedError(
      'no',
      ApplicationFailure.create({ message: 'm', type: 'USER_ANSWER_INVALID' }),
    );
    expect(toEvertrainError(refused).code).toBe('USER_ANSWER_INVALID');
    const what = { what: 'run "a"' };
    expect(toEvertrainError(runFailed(new CancelledFailure('c')), what).message).toMatch(/^Run "a" was cancelled\./);
    expect(toEvertrainError(runFailed(new TerminatedFailure('why')), what).message).toMatch(
      /^Run "a" was terminated: why\./,
    );
    const timeout = new TimeoutFailure('t', undefined, 'START_TO_CLOSE');
    expect(toEvertrainError(runFailed(timeout), what).message).toMatch(/^Run "a" timed out\./);
  });

  test('tells an unknown run, an engine away, refused keys, a missing search attribute and namespace apart', () => {
    const notFound = new WorkflowNotFoundError('not found', 'a', undefined);
    expect(toEvertrainError(notFound).code).toBe('USER_RUN_UNKNOWN');
    expect(toEvertrainError(grpc(14, 'connect ECONNREFUSED'), { address: 'x:1' })).toMatchObject({
      code: 'SYSTEM_ENGINE_UNREACHABLE',
      value: 'x:1',
    });
    expect(toEvertrainError(grpc(16, 'bad key')).remedy).toContain('API key');
    expect(toEvertrainError(grpc(3, 'no mapping defined for search attribute X')).code).toBe(
      'SYSTEM_ENGINE_INCOMPATIBLE',
    );
    expect(toEvertrainError(grpc(5, 'Namespace x is not found.')).code).toBe('SYSTEM_ENGINE_INCOMPATIBLE');
    expect(toEvertrainError(new TypeError('odd')).code).toBe('SYSTEM_FAILED');
  });

  test('of Evertrain passes as it is', () => {
    const known = new EvertrainError('USER_RUN_UNKNOWN', 'x');
    expect(toEvertrainError(known)).toBe(known);
  });
});

test('only a connection that may come back counts as lost', () => {
  expect(isConnectionLoss(grpc(14, 'x'))).toBe(true);
  expect(isConnectionLoss(grpc(5, 'x'))).toBe(false);
  expect(isConnectionLoss(new Error('x'))).toBe(false);
});
