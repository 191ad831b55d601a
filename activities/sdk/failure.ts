import { ApplicationFailure } from '@temporalio/activity';
import { EvertrainError, isErrorCode, isEvertrainError, isFinal, show } from '../../workflows/sdk/errors.js';
import { shortError, shortText } from '../../workflows/sdk/short-error.js';
import { isErrno, remedyOf } from './durable-files.js';

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
    message: shortText(known.message),
    nonRetryable: isFinal(known.code),
    ...(error instanceof Error ? { cause: shortError(error) } : {}),
    details: [{ value: known.value === undefined ? null : show(known.value), remedy: known.remedy ?? null }],
  });
}
