import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openAttemptJournal } from '../../../../../activities/sdk/journal/attempt-journal.js';
import { openAttemptRecords } from '../../../../../activities/sdk/journal/attempt-records.js';
import { attemptsPrefix } from '../../../../../activities/sdk/journal/keys.js';
import { readLogs } from '../../../../../activities/sdk/journal/read-run.js';
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

it('of a run with many attempts, who follows it reads only those that have gone on', async () => {
  const options = server.options(randomUUID());
  const [writer, journal] = [s3Journal(options), s3Journal(options)];
  const reads: string[] = [];
  const reader = {
    ...journal,
    read: (key: string, cursor?: string) => {
      reads.push(key);
      return journal.read(key, cursor);
    },
  };
  const records = openAttemptRecords(writer, 'worker');
  const longId = 'group/'.repeat(60);
  const attempts = ['a', 'b', longId].map((stepId) =>
    openAttemptJournal(writer, records, { workflowId: 'w', runId: 'r', stepId, attempt: 1 }),
  );
  const say = async (n: number, text: string) => {
    attempts[n]?.log('info', text);
    await attempts[n]?.flush();
  };
  for (const n of [0, 1, 2]) await say(n, 'begins');
  const first = await readLogs(reader, 'w', 'r');
  expect(first.lines).toHaveLength(3);
  // Beyond eight parts they are merged.
  for (let n = 0; n < 10; n++) await say(2, `line ${n}`);
  reads.length = 0;
  const next = await readLogs(reader, 'w', 'r', { cursor: first.cursor });
  expect(next.lines.map(({ stepId, message }) => [stepId, message])).toEqual(
    Array.from({ length: 10 }, (_, n) => [longId, `line ${n}`]),
  );
  expect(new Set(reads).size).toBe(1);
  reads.length = 0;
  expect((await readLogs(reader, 'w', 'r', { cursor: next.cursor })).lines).toEqual([]);
  expect(reads).toEqual([]);
  expect((await journal.ends?.(attemptsPrefix('w', 'r')))?.size).toBe(3);
});
