import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { s3Journal } from '../../../../../activities/sdk/journal/s3-journal.js';
import { journalConformance } from '../../../../support/journal-conformance.js';
import { type S3Server, startS3Server } from '../../../../support/s3-server.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
});
afterAll(() => server.stop());

journalConformance('s3Journal', () => {
  const options = server.options(randomUUID());
  return Promise.resolve({
    journal: s3Journal(options),
    remake: {
      module: new URL('../../../../../activities/sdk/journal/s3-journal.ts', import.meta.url).href,
      export: 's3Journal',
      arguments: [options],
    },
    dispose: () => Promise.resolve(),
  });
});
