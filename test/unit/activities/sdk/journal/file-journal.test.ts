import { appendFile, mkdtemp, readdir, rm, truncate, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileJournal, fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import { journalConformance } from '../../../../support/journal-conformance.js';

journalConformance('fileJournal', async () => {
  const root = await mkdtemp(join(tmpdir(), 'evertrain-journal-'));
  return {
    journal: fileJournal(root),
    remake: {
      module: new URL('../../../../../activities/sdk/journal/file-journal.ts', import.meta.url).href,
      export: 'fileJournal',
      arguments: [root],
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
});

describe('fileJournal', () => {
  let root: string;
  let journal: FileJournal;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-journal-'));
    journal = fileJournal(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('hides the torn line of a killed writer, and the next append removes it', async () => {
    await journal.append('s', ['whole']);
    await appendFile(join(root, 's.lines'), `{"half": "${'x'.repeat(200_000)}`);
    const read = await journal.read('s');
    expect(read.lines).toEqual(['whole']);
    await journal.append('s', ['next']);
    expect((await journal.read('s', read.cursor)).lines).toEqual(['next']);
    expect((await journal.read('s')).lines).toEqual(['whole', 'next']);
  });

  it('heals a stream that is nothing but a torn line', async () => {
    await writeFile(join(root, 's.lines'), 'half');
    expect((await journal.read('s')).lines).toEqual([]);
    await journal.append('s', ['whole']);
    expect((await journal.read('s')).lines).toEqual(['whole']);
  });

  it('reads a long stream in parts, and a line longer than a part whole', async () => {
    const long = 'y'.repeat(20 << 20);
    await journal.append('s', ['a', long, 'b']);
    const lengths: number[][] = [];
    for (let cursor: string | undefined; ; ) {
      const read = await journal.read('s', cursor);
      if (read.lines.length === 0) break;
      lengths.push(read.lines.map((line) => line.length));
      cursor = read.cursor;
    }
    expect(lengths.flat()).toEqual([1, long.length, 1]);
    expect(lengths.length).toBeGreaterThan(1);
  });

  it('gives nothing from a cursor behind the end of a stream', async () => {
    await journal.append('s', ['one', 'two']);
    const { cursor } = await journal.read('s');
    await truncate(join(root, 's.lines'), 4);
    expect(await journal.read('s', cursor)).toEqual({ lines: [], cursor });
    expect((await stat(join(root, 's.lines'))).size).toBe(4);
  });

  it('says which path cannot be written', async () => {
    await writeFile(join(root, 'file'), '');
    const beneathAFile = fileJournal(join(root, 'file', 'journal'));
    const unavailable = { code: 'SYSTEM_STORE_UNAVAILABLE', message: expect.stringContaining('ENOTDIR') as string };
    await expect(beneathAFile.put('a', 'x')).rejects.toMatchObject(unavailable);
    await expect(beneathAFile.create('a', 'x')).rejects.toMatchObject(unavailable);
    await expect(beneathAFile.append('a', ['x'])).rejects.toMatchObject(unavailable);
  });

  it('leaves no temporary file, and removes those of killed writers once they are old', async () => {
    await journal.create('a', 'x');
    await journal.create('a', 'x');
    await journal.put('b', 'x');
    expect(await readdir(join(root, '.tmp'))).toEqual([]);
    await writeFile(join(root, '.tmp', 'left'), 'half');
    expect(await journal.removeLeftovers(Date.now() - 3_600_000)).toBe(0);
    expect(await journal.removeLeftovers(Date.now() + 1000)).toBe(1);
    expect(await journal.list('')).toEqual(['a', 'b']);
  });

  it('writes while others delete the folders around', async () => {
    const writes = Array.from({ length: 40 }, (_, i) => journal.put(`a/b/c${i % 4}/d`, 'x'));
    const deletes = Array.from({ length: 40 }, (_, i) => journal.delete(i % 2 ? 'a' : 'a/b/c1'));
    await Promise.all([...writes, ...deletes]);
    await journal.put('a/b/c1/d', 'last');
    expect(await journal.get('a/b/c1/d')).toBe('last');
  });
});
