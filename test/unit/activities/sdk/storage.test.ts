import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openStorage } from '../../../../activities/sdk/storage.js';
import { type S3Server, startS3Server } from '../../../support/s3-server.js';

const unavailable = (message: RegExp, remedy: RegExp) =>
  expect.objectContaining({
    code: 'SYSTEM_STORE_UNAVAILABLE',
    message: expect.stringMatching(message) as string,
    remedy: expect.stringMatching(remedy) as string,
  }) as Error;

describe('the storage that EVERTRAIN_STORE names', () => {
  let server: S3Server;
  let dataDir: string;
  beforeAll(async () => {
    server = await startS3Server();
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain-storage-'));
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  function environment(changes: Readonly<Record<string, string>> = {}): void {
    for (const [name, value] of Object.entries({ ...server.env, AWS_MAX_ATTEMPTS: '2', ...changes })) {
      vi.stubEnv(name, value);
    }
  }

  it('is the data folder where it names none, and the bucket otherwise', async () => {
    expect(openStorage(dataDir, '').remote).toBeUndefined();
    environment();
    const { remote, check, store, journal } = openStorage(dataDir);
    await check();
    expect(remote).toBe('s3://evertrain');
    const artifact = await store.put(Buffer.from('text'), 'text/plain');
    expect(artifact.uri).toBe(`s3:sha256/${artifact.sha256}`);
    await journal.put('a/b', '{}');
    expect(await openStorage(dataDir).journal.list('a')).toEqual(['a/b']);
  });

  it.each([
    ['s3://evertrain/../up', /does not name a place in S3/],
    ['s3://UPPER', /does not name a place in S3/],
    ['https://evertrain.example', /does not name a place in S3/],
    ['s3://key:secret@evertrain', /has an "@" in it/],
  ])('is refused as %s, without showing a secret', (url, message) => {
    expect(() => openStorage(dataDir, url)).toThrow(
      expect.objectContaining({
        code: 'USER_OPTION_INVALID',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
    expect(() => openStorage(dataDir, url)).not.toThrow(/secret/);
  });

  it('says which bucket there is not', async () => {
    environment();
    const { check } = openStorage(dataDir, 's3://nowhere-to-be-found');
    await expect(check()).rejects.toThrow(unavailable(/nowhere-to-be-found.*NoSuchBucket/, /Create the bucket/));
  });

  it('says that the credentials are wrong, without showing them', async () => {
    environment({ AWS_SECRET_ACCESS_KEY: 'not-the-secret' });
    const failure = openStorage(dataDir).check();
    await expect(failure).rejects.toThrow(unavailable(/SignatureDoesNotMatch/, /AWS_SECRET_ACCESS_KEY/));
    await expect(failure).rejects.not.toThrow(/not-the-secret/);
  });

  it('says that no server answers', async () => {
    environment({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' });
    await expect(openStorage(dataDir).check()).rejects.toThrow(unavailable(/127\.0\.0\.1:9/, /AWS_ENDPOINT_URL_S3/));
  });
});
