import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import { errnoOf } from '../durable-files.js';

/** What the AWS SDK throws; only these fields are looked at, since others hold the request with its signature. */
interface S3Error {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

const credentialsRemedy =
  'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE and its credentials.';
const regionRemedy = 'Set AWS_REGION to the region that the bucket is in.';
const serverRemedy = 'Check that the server runs and AWS_ENDPOINT_URL_S3; what failed may be tried again.';

const remedies: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Create the bucket, or correct EVERTRAIN_STORE.',
  InvalidAccessKeyId: credentialsRemedy,
  SignatureDoesNotMatch: credentialsRemedy,
  CredentialsProviderError: credentialsRemedy,
  ExpiredToken: credentialsRemedy,
  InvalidToken: credentialsRemedy,
  TokenProviderError: credentialsRemedy,
  AccessDenied: 'Let these credentials read, write, list and delete in the bucket below its prefix.',
  PermanentRedirect: regionRemedy,
  AuthorizationHeaderMalformed: regionRemedy,
  RegionMissing: regionRemedy,
  RequestTimeTooSkewed: "Set this machine's clock.",
  SlowDown: 'The server asks for fewer requests at once; it is tried again.',
  KeyTooLongError: 'Shorten the prefix in EVERTRAIN_STORE, or the names that the key is made of.',
  NotImplemented: 'Use a server that has conditional writes (If-None-Match), for example AWS S3 or versitygw 1.8.',
};

/** Of the HTTP status, where the answer has no body that names the error (a HEAD, a proxy in between). */
const nameOfStatus: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  403: 'AccessDenied',
  503: 'SlowDown',
};

/**
 * The error of an S3 server that does not serve: SYSTEM_STORE_UNAVAILABLE with what was done where, the server's word
 * for it, and a remedy. Never holds credentials, nor the SDK's error, whose fields do.
 */
export function s3Unavailable(error: unknown, doing: string, where: string): EvertrainError {
  if (isEvertrainError(error)) return error;
  const { message = '', $metadata } = (error ?? {}) as S3Error;
  const name = nameOf(error as S3Error);
  const status = $metadata?.httpStatusCode;
  const told = status === undefined ? name : `${name}, status ${status}`;
  return new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `Cannot ${doing} ${where}: ${told}.`, {
    value: where,
    remedy: remedies[name] ?? serverRemedy,
    cause: new Error(withoutSecrets(message)),
  });
}

/** The server's or SDK's word for the error. */
export function nameOf(error: unknown): string {
  const { name = 'Error', code, message = '', $metadata } = (error ?? {}) as S3Error;
  if (message === 'Region is missing') return 'RegionMissing';
  const isVague = ['Error', 'UnknownError', 'Unknown', 'Forbidden', '403', '301', '503'].includes(name);
  if (!isVague) return name;
  return code ?? nameOfStatus[$metadata?.httpStatusCode ?? 0] ?? name;
}

export function statusOf(error: unknown): number | undefined {
  return (error as S3Error | undefined)?.$metadata?.httpStatusCode;
}

/** Whether the call was sent more than once, so that an earlier try may have had its effect. */
export function wasRetried(error: unknown): boolean {
  return ((error as S3Error | undefined)?.$metadata?.attempts ?? 1) > 1;
}

/** Whether it is the local disk's. */
export function isDiskError(error: unknown): boolean {
  const { syscall = '' } = (error ?? {}) as NodeJS.ErrnoException;
  return errnoOf(error) !== undefined && !['connect', 'read', 'write', 'getaddrinfo'].includes(syscall);
}

function withoutSecrets(message: string): string {
  return message.replace(/(Credential|Signature)=[^\s,]+/g, '$1=…').replace(/\b[A-Z0-9]{20}\b/g, '…');
}
