import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { implementPython } from '../../../../activities/sdk/jobs/implement-python.js';
import { openAttemptJournal } from '../../../../activities/sdk/journal/attempt-journal.js';
import { openAttemptRecords } from '../../../../activities/sdk/journal/attempt-records.js';
import { openCheckpoints } from '../../../../activities/sdk/journal/checkpoints.js';
import { type FileJournal, fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import { openFencedLog } from '../../../../activities/sdk/journal/fenced-log.js';
import { readAttempts, readLogs } from '../../../../activities/sdk/journal/read-run.js';
import { putDirectory } from '../../../../activities/sdk/store/directory.js';
import { type FileArtifactStore, fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { step } from '../../../../workflows/sdk/step.js';
import { pythonProject } from '../../../support/python-project.js';
import { smallDisk } from '../../../support/small-disk.js';
import { testContext } from '../../../support/step-context.js';

const disk = await smallDisk(1 << 20);
afterAll(() => disk.remove());

const all = async <T>(items: AsyncIterable<T>) => {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
};

describe.skipIf(!disk.isMounted)('on a full disk (needs the right to mount a tmpfs)', () => {
  const { folder } = disk;
  const unavailable = {
    code: 'SYSTEM_STORE_UNAVAILABLE',
    message: expect.stringMatching(new RegExp(`Cannot .*${folder}.*: ENOSPC`)) as string,
    value: expect.stringContaining(folder) as string,
    remedy: 'Free disk space, or move the data folder to a larger disk.',
  };
  let root: string;
  let store: FileArtifactStore;
  let journal: FileJournal;

  beforeEach(async () => {
    root = await mkdtemp(join(folder, 'data-'));
    store = fileArtifactStore(join(root, 'artifacts'));
    journal = fileJournal(join(root, 'journal'));
  });
  afterEach(async () => {
    await disk.free();
    await rm(root, { recursive: true });
  });

  it('an artifact is there whole or not at all, and can be stored later', async () => {
    const before = await store.put(Buffer.from('before'), 'text/plain');
    const bytes = Buffer.alloc(100_000, 'a');
    await disk.fill();
    await expect(store.put(bytes, 'text/plain')).rejects.toMatchObject(unavailable);
    expect(await all(store.list())).toMatchObject([{ sha256: before.sha256 }]);
    expect(await readdir(join(root, 'artifacts/tmp'))).toEqual([]);
    await disk.free();
    const stored = await store.put(bytes, 'text/plain');
    expect(await readFile(await store.materialize(stored))).toEqual(bytes);
  });

  it('a directory has no manifest before all of its files', async () => {
    const source = join(root, 'source');
    await mkdir(source);
    for (let n = 0; n < 9; n++) await writeFile(join(source, `${n}.txt`), `${n}`.repeat(10_000));
    await disk.fill();
    await expect(putDirectory(store, source)).rejects.toMatchObject(unavailable);
    expect(await all(store.list())).toEqual([]);
    await disk.free();
    const stored = await putDirectory(store, source);
    expect(await readdir(await store.materialize(stored))).toHaveLength(9);
  });

  it('a directory is materialized whole or not at all', async () => {
    const source = join(root, 'source');
    await mkdir(source);
    await writeFile(join(source, 'run.sh'), '#'.repeat(50_000), { mode: 0o755 });
    const stored = await putDirectory(store, source);
    await disk.fill();
    await expect(store.materialize(stored)).rejects.toMatchObject(unavailable);
    await disk.free();
    expect(await readFile(join(await store.materialize(stored), 'run.sh'), 'utf8')).toHaveLength(50_000);
  });

  it('a document of the journal is there whole or not at all, and an old one stays', async () => {
    await journal.put('models/kept', 'old');
    await disk.fill();
    const text = 'x'.repeat(50_000);
    await expect(journal.create('models/new', text)).rejects.toMatchObject(unavailable);
    await expect(journal.put('models/kept', text)).rejects.toMatchObject(unavailable);
    expect([await journal.get('models/new'), await journal.get('models/kept')]).toEqual([undefined, 'old']);
    expect(await readdir(join(root, 'journal/.tmp'))).toEqual([]);
    await disk.free();
    expect(await journal.create('models/new', text)).toBe(true);
  });

  it('a stream of the journal holds whole lines only, each once', async () => {
    const lines = (name: string) => Array.from({ length: 40 }, (_, n) => `${name}-${n} ${'x'.repeat(500)}`);
    await journal.append('stream', lines('before'));
    await disk.fill();
    await expect(journal.append('stream', lines('full'))).rejects.toMatchObject(unavailable);
    expect((await journal.read('stream')).lines).toEqual(lines('before'));
    await disk.free();
    await journal.append('stream', lines('full'));
    expect((await journal.read('stream')).lines).toEqual([...lines('before'), ...lines('full')]);
  });

  it('a checkpoint that cannot be written does not count, and the one before does', async () => {
    const open = async (attempt: number) => openCheckpoints(await openFencedLog(journal, 'steps/fit', attempt), store);
    const state = await store.put(Buffer.from('state'), 'text/plain');
    const first = await open(1);
    await first.save(state, { epoch: 1 });
    await disk.fill();
    await expect(first.save(state, { epoch: 2 })).rejects.toMatchObject(unavailable);
    await expect(open(2)).rejects.toMatchObject(unavailable);
    expect(await first.load()).toMatchObject({ sequence: 1, meta: { epoch: 1 } });
    await disk.free();
    const second = await open(2);
    expect(await second.load()).toMatchObject({ sequence: 1, meta: { epoch: 1 } });
    expect(await second.save(state, { epoch: 2 })).toMatchObject({ sequence: 2 });
    await expect(first.save(state, { epoch: 3 })).rejects.toMatchObject({ code: 'SYSTEM_FENCED' });
  });

  it('Python code that writes to it fails with the same code', async () => {
    const project = await pythonProject();
    const script = await project.write('fill.py', 'def f(path):\n    open(path, "wb").write(bytes(100_000))');
    const python = implementPython(step('test.step'), `${script}:f`);
    const context = await testContext();
    await disk.fill();
    await expect(python.run({ path: join(root, 'file') }, context)).rejects.toMatchObject({
      code: 'SYSTEM_STORE_UNAVAILABLE',
      message: expect.stringMatching(/fill.py:2: .*No space left on device. Free disk space./) as string,
    });
    await Promise.all([python.close(), context.remove(), project.remove()]);
  });

  it('what an attempt reported, and its record, are written when there is space again', async () => {
    const step = { workflowId: 'w', runId: 'r', stepId: 's', attempt: 1 };
    const attempt = openAttemptJournal(journal, openAttemptRecords(journal, 'worker'), step);
    await disk.fill();
    attempt.log('info', 'x'.repeat(10_000));
    attempt.metric('loss', 0.5);
    const end = { outcome: 'failed', code: 'SYSTEM_STORE_UNAVAILABLE' } as const;
    await expect(attempt.close(end)).rejects.toMatchObject(unavailable);
    await disk.free();
    const written = async () =>
      (await readAttempts(journal, 'w', 'r')).map(({ outcome, metricsLast }) => [outcome, metricsLast]);
    await expect.poll(written, { timeout: 10_000 }).toEqual([['failed', { loss: 0.5 }]]);
    await expect.poll(async () => (await readLogs(journal, 'w', 'r')).lines.length, { timeout: 10_000 }).toBe(1);
  });
});
