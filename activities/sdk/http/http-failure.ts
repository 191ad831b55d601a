import type { HttpConnection } from '../../../workflows/sdk/connections/connection.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { masked } from '../secrets.js';

/** A server's wish to be left alone for longer is not heeded. */
const longestDelayMs = 3_600_000;

/** An answer that is none of the 200s; `said` is its body. */
export function refusal({ name }: HttpConnection, asked: string, response: Response, said: string): EvertrainError {
  const { status, headers } = response;
  const words = said.replaceAll(/\s+/g, ' ').trim().slice(0, 200);
  const what = masked(`${name} answers ${asked} with status ${status}${words === '' ? '' : `: ${words}`}`);
  const retryAfterMs = delayOf(headers.get('retry-after'));
  const later = { value: status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (status === 429) return new EvertrainError('SYSTEM_TOO_MANY_REQUESTS', `${what}.`, later);
  if (status >= 500 || status === 408 || status === 425) {
    return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `${what}.`, later);
  }
  const remedy =
    status < 400
      ? 'Redirects are not followed: give the connection the address that it leads to.'
      : 'Correct the request, its connection or its secrets; the same one would be refused again.';
  return new EvertrainError('USER_REQUEST_REFUSED', `${what}.`, { value: status, remedy });
}

export function unreachable({ name }: Pick<HttpConnection, 'name'>, error: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `${name} gave no answer: ${masked(reasonOf(error))}.`, {
    value: name,
    remedy: 'Check the server and the network; it is asked again.',
  });
}

/** The inner error says more than `fetch failed`. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message;
}

/** Seconds, or a date. */
function delayOf(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 1), longestDelayMs);
}
