import { ApplicationFailure } from '@temporalio/activity';
import {
  EvertrainError,
  type ErrorCode,
  isErrorCode,
  isEvertrainError,
  isFinal,
  show,
} from '../../workflows/sdk/errors.js';
import { shortError, shortText } from '../../workflows/sdk/short-error.js';

/** Any thrown value as an error with a code; `who` names the code that threw it. */
export function asEvertrainError(error: unknown, who: string): EvertrainError {
  if (isEvertrainError(error)) return error;
  if (error instanceof ApplicationFailure && isErrorCode(error.type)) {
    return new EvertrainError(error.type, error.message, { cause: error });
  }
  const text = shortText(error instanceof Error ? `${error.name}: ${error.message}` : show(error));
  return new EvertrainError(systemCode(error) ?? 'USER_CODE_FAILED', `${who} threw ${text}.`, { cause: error });
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

/** Faults of the machine, as Node names them. */
function systemCode(error: unknown): ErrorCode | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  const full = code === 'ENOSPC' || code === 'EROFS' || code === 'EDQUOT' || code === 'EMFILE';
  return full ? 'SYSTEM_STORE_UNAVAILABLE' : undefined;
}
