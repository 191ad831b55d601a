import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { checkToken } from '../config.js';
import { Refusal } from './answer.js';
import { type TokenBucket, tokenBucket } from './token-bucket.js';

/** Who may send, and how often. */
export interface Guard {
  readonly isToken: (given: string) => boolean;
  readonly bucket: TokenBucket;
}

/** USER_OPTION_INVALID when the token is short. */
export function makeGuard(owner: string, token: string, { perSecond = 100, burst = 200 }): Guard {
  return { isToken: tokenCheck(checkToken(`${owner}: token`, token)), bucket: tokenBucket(perSecond, burst) };
}

/** The token first, so that nobody without one can use up the rate or learn what there is. */
export function admit(guard: Guard, token: string | undefined): void {
  if (token === undefined || !guard.isToken(token)) {
    const what = token === undefined ? 'The request has no token.' : 'The token is wrong.';
    throw new Refusal(401, what, 'Send `Authorization: Bearer` and the token of this endpoint.', {
      headers: { 'www-authenticate': 'Bearer' },
    });
  }
  takeTurn(guard);
}

/** For who has shown by other means that he may send. */
export function takeTurn({ bucket }: Guard): void {
  const taken = bucket.take();
  if (taken.ok) return;
  throw new Refusal(429, 'There are too many requests.', 'Send it again after the time in Retry-After.', {
    code: 'SYSTEM_TOO_MANY_REQUESTS',
    headers: { 'retry-after': String(Math.max(1, Math.ceil(taken.waitMs / 1_000))) },
  });
}

export function bearerToken({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

/** As the password of Basic, or as `?token=`, for services that can send no header of one's choice. */
export function hookToken(headers: IncomingHttpHeaders, url: string): string | undefined {
  const [, basic] = /^Basic +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString('utf8').split(':').slice(1).join(':');
  const query = url.indexOf('?');
  const inQuery = query === -1 ? null : new URLSearchParams(url.slice(query)).get('token');
  return bearerToken(headers) ?? inQuery ?? undefined;
}

/** Digests have one length, so the comparison takes the same time whatever was given. */
function tokenCheck(token: string): (given: string) => boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const expected = digest(token);
  return (given) => timingSafeEqual(digest(given), expected);
}
