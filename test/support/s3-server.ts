import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Options } from '../../activities/sdk/s3/location.js';
import { choosePort } from '../../worker/engine/engine-ports.js';
import { ensureVersitygw } from './versitygw.mjs';
import { type Restartable, startRestartable } from './restartable.js';

const credentials = { accessKeyId: 'evertrain-tests', secretAccessKey: 'a-secret-of-the-tests' };
const startWithinMs = 60_000;

/** A real S3 server (versitygw over a temporary folder) of a test's own. */
export interface S3Server extends Restartable {
  /** `http://127.0.0.1:<port>`; stays the same over `restart`. */
  readonly endpoint: string;
  /** Options of a store or journal in a bucket that exists, below a prefix. */
  options(prefix: string): S3Options;
  /** The environment that leads a process to it; `EVERTRAIN_STORE` names the bucket. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the bucket's objects lie as files. */
  readonly folder: string;
}

/** @param tells where it sends its notifications of objects */
export async function startS3Server(tells?: string): Promise<S3Server> {
  const binary = await ensureVersitygw();
  const root = await mkdtemp(join(tmpdir(), 'evertrain-s3-'));
  const bucket = 'evertrain';
  await mkdir(join(root, bucket));
  const port = await choosePort({ option: 's3', explicit: undefined, previous: undefined });
  const endpoint = `http://127.0.0.1:${port}`;
  const env = { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey };
  const args = ['--port', `127.0.0.1:${port}`, '--health', '/health', '--keep-alive', '--quiet'];
  if (tells !== undefined) args.push('--event-webhook-url', tells);
  args.push('posix', root);
  const server = await startRestartable({
    spawn: () => spawn(binary, args, { env: { ...process.env, ...env }, stdio: 'ignore' }),
    untilReady: (child) => untilHealthy(endpoint, child),
    remove: async () => {
      await rm(root, { recursive: true, force: true });
    },
  });
  return {
    ...server,
    endpoint,
    options: (prefix) => ({ url: `s3://${bucket}/${prefix}`, endpoint, region: 'us-east-1', credentials }),
    env: {
      EVERTRAIN_STORE: `s3://${bucket}`,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
    folder: join(root, bucket),
  };
}

async function untilHealthy(endpoint: string, child: ChildProcess): Promise<void> {
  for (const until = Date.now() + startWithinMs; ; ) {
    const answer = await fetch(`${endpoint}/health`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (child.exitCode !== null || Date.now() > until) {
      throw new Error(`versitygw at ${endpoint} does not answer (exit code ${child.exitCode})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
