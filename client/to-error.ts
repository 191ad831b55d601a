import {
  isGrpcServiceError,
  ServiceError,
  WorkflowContinuedAsNewError,
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  NamespaceNotFoundError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { EvertrainError, isErrorCode, isEvertrainError, withoutLink } from '../workflows/sdk/errors.js';

/** What the failed call was about, for the message. */
export interface ErrorContext {
  /** `run "iris/42"`, `model "iris"`. */
  readonly what?: string;
  readonly address?: string;
}

/**
 * Any error of Temporal's client as an EvertrainError: the original code where a run, step or validator gave one, else
 * one that says whether the run, the engine or the network is at fault.
 */
export function toEvertrainError(error: unknown, context: ErrorContext = {}): EvertrainError {
  if (isEvertrainError(error)) return error;
  const what = context.what === undefined ? 'The run' : capital(context.what);
  if (error instanceof WorkflowFailedError) return ofRunEnd(error.cause, what, error);
  if (error instanceof WorkflowUpdateFailedError) return ofRunEnd(error.cause, what, error);
  if (error instanceof WorkflowNotFoundError) return unknownRun(context, error);
  if (error instanceof WorkflowExecutionAlreadyStartedError) {
    return new EvertrainError('USER_RUN_EXISTS', `${what} exists already and is not finished.`, {
      value: error.workflowId,
      remedy: "Use another id, or `conflict: 'use-existing'` to attach to it.",
      cause: error,
    });
  }
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return notRecorded(what, error);
  if (error instanceof WorkflowContinuedAsNewError) {
    return new EvertrainError('SYSTEM_FAILED', `${what} went on as a new run ${error.newExecutionRunId}.`, {
      cause: error,
    });
  }
  if (error instanceof NamespaceNotFoundError) return unknownNamespace(error.namespace, error);
  const grpc = grpcOf(error);
  if (grpc !== undefined) return ofGrpc(grpc.code, grpc.details, context, error);
  const message = error instanceof Error ? error.message : String(error);
  return new EvertrainError('SYSTEM_FAILED', `${what}: ${sentence(message)}`, { cause: error });
}

/** Nobody took an answer in time. The engine may still hold it: whoever comes next takes it, and the first one counts. */
export function notRecorded(what: string, cause: unknown, within?: string | number): EvertrainError {
  const time = within === undefined ? 'in time' : `within ${typeof within === 'number' ? `${within} ms` : within}`;
  return new EvertrainError('SYSTEM_NOT_RECORDED', `${capital(what)}: not recorded: no worker took it ${time}.`, {
    remedy: 'Start a worker that serves this project, then repeat it: repeating is safe, the first one counts.',
    cause,
  });
}

/** gRPC codes that a stopping, starting or overloaded server answers: cancelled, unknown, deadline, exhausted, aborted, internal, unavailable. */
const passing = new Set([1, 2, 4, 8, 10, 13, 14]);

/** Whether the engine cannot be reached at the moment, so that waiting and asking again makes sense. */
export function isConnectionLoss(error: unknown): boolean {
  return passing.has(grpcOf(error)?.code ?? 0);
}

/**
 * Whether an update came with a workflow task that failed (when the run would have ended while something else arrived, the
 * engine has the task done again, without the update).
 */
export function isUpdateDropped(error: unknown): boolean {
  const grpc = grpcOf(error);
  return grpc?.code === 9 && /unexpected workflow task failure/.test(grpc.details);
}

/** Whether the engine holds as many queries for a busy workflow as it does; it takes another a little later. */
export function isQueryCrowdedOut(error: unknown): boolean {
  return /query buffer is full/.test(grpcOf(error)?.details ?? '');
}

function ofRunEnd(cause: unknown, what: string, error: unknown): EvertrainError {
  const failure = innermost(cause);
  if (failure instanceof ApplicationFailure) {
    const code = isErrorCode(failure.type) ? failure.type : 'USER_CODE_FAILED';
    const said = failure.details?.[0] as { what?: unknown; remedy?: unknown } | undefined;
    const text = typeof said?.what === 'string' ? said.what : withoutLink(failure.message);
    const remedy = typeof said?.remedy === 'string' && said.remedy !== '' ? said.remedy : undefined;
    const rest = remedy === undefined ? sentence(text) : sentence(text.replace(` ${remedy}`, ''));
    return new EvertrainError(code, rest, { ...(remedy === undefined ? {} : { remedy }), cause: error });
  }
  if (failure instanceof CancelledFailure)
    return new EvertrainError('USER_RUN_CANCELLED', `${what} was cancelled.`, { cause: error });
  if (failure instanceof TerminatedFailure) {
    return new EvertrainError('USER_RUN_TERMINATED', `${what} was terminated: ${sentence(failure.message)}`, {
      cause: error,
    });
  }
  if (failure instanceof TimeoutFailure)
    return new EvertrainError('SYSTEM_FAILED', `${what} timed out.`, { cause: error });
  const message = failure instanceof Error ? failure.message : 'it failed';
  return new EvertrainError('SYSTEM_FAILED', `${what}: ${sentence(message)}`, { cause: error });
}

/** Outer failures only say that an activity or child failed; the first that says more counts. */
function innermost(failure: unknown): unknown {
  let at = failure;
  while (at instanceof Error && (at.name === 'ActivityFailure' || at.name === 'ChildWorkflowFailure') && at.cause)
    at = at.cause;
  return at;
}

function grpcOf(error: unknown): { code: number; details: string } | undefined {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? { code: cause.code, details: cause.details } : undefined;
}

function ofGrpc(code: number, details: string, context: ErrorContext, cause: unknown): EvertrainError {
  if (code === 5 && /namespace/i.test(details)) return unknownNamespace(details, cause);
  if (code === 5) return unknownRun(context, cause);
  if (code === 16 || code === 7) {
    return new EvertrainError(
      'SYSTEM_ENGINE_UNREACHABLE',
      `The engine${at(context)} refused the connection: ${sentence(details)}`,
      {
        remedy: 'Check the API key and the TLS certificates (TEMPORAL_API_KEY, TEMPORAL_TLS_*, or the profile).',
        cause,
      },
    );
  }
  if (code === 3 && /search attribute/i.test(details)) {
    return new EvertrainError(
      'SYSTEM_ENGINE_INCOMPATIBLE',
      `The engine${at(context)} lacks a search attribute: ${sentence(details)}`,
      {
        remedy: 'Provision it: `npx evertrain doctor` says what is missing.',
        cause,
      },
    );
  }
  if (code === 14 || code === 4) return unreachable(context.address, cause);
  return new EvertrainError('SYSTEM_FAILED', `${capital(context.what ?? 'the engine')}: ${sentence(details)}`, {
    cause,
  });
}

export function unreachable(address: string | undefined, cause: unknown): EvertrainError {
  return new EvertrainError(
    'SYSTEM_ENGINE_UNREACHABLE',
    `The engine${at(address === undefined ? {} : { address })} cannot be reached.`,
    {
      value: address,
      remedy: 'Start one with `npx evertrain dev`, or set TEMPORAL_ADDRESS to one that runs.',
      cause,
    },
  );
}

function unknownRun(context: ErrorContext, cause: unknown): EvertrainError {
  return new EvertrainError('USER_RUN_UNKNOWN', `There is no open ${context.what ?? 'run of this id'} here.`, {
    value: context.what,
    remedy: 'Check the id with `npx evertrain ls`; it may have ended, or its history may have expired.',
    cause,
  });
}

function unknownNamespace(namespace: string, cause: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_ENGINE_INCOMPATIBLE', `The engine has no such namespace: ${sentence(namespace)}`, {
    value: namespace,
    remedy: 'Create it, or set TEMPORAL_NAMESPACE to one that exists.',
    cause,
  });
}

function at({ address }: ErrorContext): string {
  return address === undefined ? '' : ` at ${address}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
