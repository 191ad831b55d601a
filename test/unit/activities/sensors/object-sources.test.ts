import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fileObjects } from '../../../../activities/sensors/file-objects.js';
import { gcsObjects } from '../../../../activities/sensors/gcs-objects.js';
import { s3Objects } from '../../../../activities/sensors/s3-objects.js';
import { Bucket } from '../../../../activities/sdk/s3/bucket.js';
import { type GcsServer, startGcsServer } from '../../../support/gcs-server.js';
import { objectSourceConformance, type SourceUnderTest } from '../../../support/object-source-conformance.js';
import { type S3Server, startS3Server } from '../../../support/s3-server.js';

let folder: string;
let s3: S3Server;
let gcs: GcsServer;
let tests = 0;
const { signal } = new AbortController();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-objects-'));
  s3 = await startS3Server();
  gcs = await startGcsServer();
  for (const [name, value] of Object.entries({ ...s3.env, ...gcs.env })) vi.stubEnv(name, value);
  // Both may have to be built first.
}, 300_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await Promise.all([s3?.stop(), gcs?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

async function files(asUrl: boolean): Promise<SourceUnderTest> {
  const root = join(folder, `${tests++}`);
  await mkdir(root);
  return {
    source: fileObjects,
    root: asUrl ? `${pathToFileURL(root).href}/` : `${root}/`,
    put: async (name: string, content: string) => {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    },
    remove: (name: string) => rm(join(root, name)),
  };
}

objectSourceConformance('a folder', () => files(false));
objectSourceConformance('a folder by its url', () => files(true));
objectSourceConformance('S3', () => {
  const below = `${tests++} ä/`;
  const bucket = new Bucket({ url: 's3://evertrain' }, below);
  return Promise.resolve({
    source: s3Objects(),
    root: `s3://evertrain/${below}`,
    put: (name, content) => bucket.put(name, Buffer.from(content)),
    remove: (name) => bucket.delete([name]),
  });
});

objectSourceConformance('Google Cloud Storage', () => {
  const below = `${tests++} ä/`;
  return Promise.resolve({
    source: gcsObjects(),
    root: `gs://evertrain/${below}`,
    put: (name, content) => gcs.put(below + name, content),
    remove: (name) => gcs.remove(below + name),
  });
});

describe('a folder', () => {
  it('is not left by links, nor gone through in circles', async () => {
    const { root, put, source } = await files(false);
    await put('real', 'x');
    await symlink('/etc', join(root, 'out'));
    await symlink(root, join(root, 'round'));
    await symlink(join(root, 'real'), join(root, 'link'));
    const uris: string[] = [];
    for await (const { uri } of source.list(root, signal)) uris.push(uri);
    expect(uris).toEqual([`${root}real`]);
  });
});

describe('a bucket that is not there', () => {
  it.each([
    ['S3', s3Objects(), 's3://no-such-bucket/x'],
    ['Google Cloud Storage', gcsObjects(), 'gs://no-such-bucket/x'],
  ])('is waited for: %s', async (_, source, uri) => {
    const asked = source.find(uri, signal);
    await expect(asked).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE' });
  });
});
