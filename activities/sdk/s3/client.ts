import type { S3Client } from '@aws-sdk/client-s3';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { S3Options } from './location.js';

export type S3Sdk = typeof import('@aws-sdk/client-s3') & Pick<typeof import('@aws-sdk/lib-storage'), 'Upload'>;

export interface S3Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
}

/** Tries of one request, 0.1 s apart at first and doubling (with jitter): a server that restarts is waited for. */
const tries = 7;
const connectTimeoutMs = 5_000;
/** A connection on which nothing moves for so long is given up. */
const idleTimeoutMs = 30_000;

/** The AWS SDK and a client; SYSTEM_PEER_MISSING where the packages are not installed. */
export async function connectS3({ endpoint, region, credentials }: S3Options): Promise<S3Connection> {
  const sdk = await loadSdk();
  const env = process.env;
  const elsewhere = endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  const client = new sdk.S3Client({
    ...(elsewhere === undefined ? {} : { endpoint: elsewhere, forcePathStyle: true }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(env['AWS_MAX_ATTEMPTS'] === undefined ? { maxAttempts: tries } : {}),
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: idleTimeoutMs },
    // Every reader here compares the SHA-256 itself.
    responseChecksumValidation: 'WHEN_REQUIRED',
    followRegionRedirects: true,
  });
  return { sdk, client };
}

async function loadSdk(): Promise<S3Sdk> {
  try {
    const [s3, { Upload }] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/lib-storage')]);
    return { ...s3, Upload };
  } catch (cause) {
    throw new EvertrainError('SYSTEM_PEER_MISSING', 'An S3 store needs two packages of the AWS SDK.', {
      remedy: 'Run `npm install @aws-sdk/client-s3 @aws-sdk/lib-storage`.',
      cause,
    });
  }
}
