import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { s3ArtifactStore } from '../../../../../activities/sdk/store/s3-artifact-store.js';
import { artifactStoreConformance } from '../../../../support/artifact-store-conformance.js';
import { type S3Server, startS3Server } from '../../../../support/s3-server.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.stop());

const shardPath = (sha256: string) => join('sha256', sha256.slice(0, 2), sha256);

artifactStoreConformance('s3ArtifactStore', async () => {
  const cacheDir = await mkdtemp(join(tmpdir(), 'evertrain-s3-cache-'));
  const prefix = randomUUID();
  const options = { ...server.options(prefix), cacheDir };
  return {
    store: s3ArtifactStore(options),
    remake: {
      module: new URL('../../../../../activities/sdk/store/s3-artifact-store.ts', import.meta.url).href,
      export: 's3ArtifactStore',
      arguments: [options],
    },
    /** Both the server's bytes and the copy on this machine. */
    async tamper(sha256, change) {
      const copy = join(cacheDir, shardPath(sha256));
      await chmod(copy, 0o644);
      for (const path of [copy, join(server.folder, prefix, 'artifacts', shardPath(sha256))]) {
        await writeFile(path, change(await readFile(path)));
      }
    },
    dispose: () => rm(cacheDir, { recursive: true, force: true }),
  };
});
