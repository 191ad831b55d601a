import { ApplicationFailure } from '@temporalio/activity';
import { EvertrainError, isErrorCode, isEvertrainError, isFinal, show } from '../../workflows/sdk/errors.js';
import { shortError, shortText } from '../../workflows/sdk/short-error.js';
import { isErrno, remedyOf } from './durable-files.js';
import { masked } from './secrets.js';

/** Any thrown value as an error with a code; `who` names the code that threw it. */
export function asEvertrainError(error: unknown, who: string): EvertrainError {
  if (isEvertrainError(error)) return error;
  if (error instanceof ApplicationFailure && isErrorCode(error.type)) {
    return new EvertrainError(error.type, error.message, { cause: error });
  }
  const text = shortText(error instanceof Error ? `${error.name}: ${error.message}` : show(error));
  if (isErrno(error, 'ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE')) {
    const { path } = error as NodeJS.ErrnoException;
    const facts = { ...(path === undefined ? {} : { value: path }), remedy: remedyOf(error), cause: error };
    return new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `${who} threw ${text}.`, facts);
  }
  return new EvertrainError('USER_CODE_FAILED', `${who} threw ${text}.`, { cause: error });
}

/** What travels to the run: the code as the failure's type, final codes as non-retryable. */
export function asApplicationFailure(error: unknown, who: string): ApplicationFailure {
  const known = asEvertrainError(error, who);
  return ApplicationFailure.create({
    type: known.code,
    message: masked(shortText(known.message)),
    nonRetryable: isFinal(known.code),
    ...(known.retryAfterMs === undefined ? {} : { nextRetryDelay: known.retryAfterMs }),
    ...(error instanceof Error ? { cause: maskedError(shortError(error)) } : {}),
    details: [{ value: known.value === undefined ? null : masked(show(known.value)), remedy: known.remedy ?? null }],
  });
}

/** The error itself where nothing is to be hidden. */
function maskedError(error: Error): Error {
  const cause = error.cause instanceof Error ? maskedError(error.cause) : undefined;
  const [message, stack] = [masked(error.message), masked(error.stack ?? '')];
  if (message === error.message && stack === (error.stack ?? '') && cause === (error.cause ?? undefined)) return error;
  const copy = new Error(message, cause === undefined ? undefined : { cause });
  copy.name = error.name;
  copy.stack = stack;
  return copy;
}
