import { EvertrainError, show } from '../errors.js';
import { checkOptions, invalidOption } from '../options.js';
import type { Decoded, Schema } from '../schema.js';
import { isSecret, type Secret } from '../secret.js';
import type { EventSource } from './source.js';

export interface WebhookOptions<S extends Schema | undefined> {
  /** What an event must say; of a CloudEvent, its `data`. */
  readonly schema?: S;
  /** The key by which senders sign: HMAC with SHA-256 over the body. They need no token then. */
  readonly signedBy?: Secret;
  /** Which header has the signature, in hex (with or without `sha256=`) or Base64. Default `x-hub-signature-256`. */
  readonly signatureHeader?: string;
}

/**
 * What is sent to `/hooks<path>`: JSON, or CloudEvents of any mode. An event's id is a CloudEvent's `source` and `id`; else,
 * of senders that show the token, the header `webhook-id` or `idempotency-key`; else the digest of the body.
 */
export function webhook<S extends Schema | undefined = undefined>(
  path: string,
  options: WebhookOptions<S> = {},
): EventSource<Decoded<S>> {
  const owner = `webhook(${show(path)})`;
  checkOptions(owner, options, ['schema', 'signedBy', 'signatureHeader']);
  if (typeof path !== 'string' || path.length > 200 || !/^(\/[A-Za-z0-9._~-]+)+$/.test(path)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner} is no path.`, {
      value: path,
      remedy: 'Begin it with "/", and use letters, digits, ".", "_", "~" and "-", for example "/sales".',
    });
  }
  const { schema, signedBy: by, signatureHeader } = options;
  if (by !== undefined && !isSecret(by)) {
    // What was given may be the key itself.
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: signedBy is no secret.`, {
      remedy: "Name the variable that holds the key: secret('SALES_KEY').",
    });
  }
  if (signatureHeader !== undefined && (by === undefined || !/^[A-Za-z0-9-]{1,100}$/.test(signatureHeader))) {
    throw invalidOption(
      owner,
      'signatureHeader',
      signatureHeader,
      'Give the name of a header, and the key as `signedBy`.',
    );
  }
  const header = (signatureHeader ?? 'x-hub-signature-256').toLowerCase();
  return {
    kind: 'webhook',
    path,
    ...(schema === undefined ? {} : { schema }),
    ...(by === undefined ? {} : { signed: { by: { secret: by.secret }, header } }),
  };
}
