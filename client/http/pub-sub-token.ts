import type { JWTVerifyGetKey } from 'jose';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { PubSubSigner } from '../../workflows/sdk/events/source.js';
import type { FetchKey } from './fetch-key.js';

const keysAt = 'https://www.googleapis.com/oauth2/v3/certs';
const issuers = ['https://accounts.google.com', 'accounts.google.com'];
/** By which clocks may differ. */
const clockTolerance = '1m';

/**
 * Tells whether a token was made by Google for a push subscription with this audience and service account. Google's keys
 * are fetched by `fetchKey`, and kept. SYSTEM_SERVER_UNREACHABLE where they cannot be had.
 */
export function pubSubTokens(fetchKey: FetchKey): (signer: PubSubSigner, token: string) => Promise<boolean> {
  let keys: JWTVerifyGetKey | undefined;
  return async ({ account, audience }, token) => {
    // Most processes never need it.
    const { createRemoteJWKSet, customFetch, errors, jwtVerify } = await import('jose');
    keys ??= createRemoteJWKSet(new URL(keysAt), { [customFetch]: fetchKey });
    const options = { issuer: issuers, audience, algorithms: ['RS256'], requiredClaims: ['exp'], clockTolerance };
    try {
      const { payload } = await jwtVerify(token, keys, options);
      return payload['email'] === account && payload['email_verified'] === true;
    } catch (error) {
      const isRefused =
        error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT'].includes(error.code);
      if (isRefused) return false;
      throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `Google's keys cannot be had: ${String(error)}.`, {
        value: keysAt,
        remedy: 'Let this process reach them; Pub/Sub sends its message again.',
      });
    }
  };
}
