import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manifestEntries, putDirectory } from '../../../../../activities/sdk/store/directory.js';
import { type FileArtifactStore, fileArtifactStore } from '../../../../../activities/sdk/store/file-artifact-store.js';
import { mediaTypeOf } from '../../../../../activities/sdk/store/media-type.js';
import { directoryMediaType } from '../../../../../workflows/sdk/artifact.js';

describe('directories in a file store', () => {
  let root: string;
  let source: string;
  let store: FileArtifactStore;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-directory-'));
    source = join(root, 'source');
    store = fileArtifactStore(join(root, 'artifacts'));
    await mkdir(source);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const write = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(source, path)), { recursive: true });
    await writeFile(join(source, path), text, { mode });
  };
  const putManifest = (manifest: unknown) => store.put(Buffer.from(JSON.stringify(manifest)), directoryMediaType);

  it('keeps nested files and which of them are executable', async () => {
    await write('nested/deep/a.txt', 'a');
    await write('run.sh', '#!/bin/sh', 0o755);
    const artifact = await putDirectory(store, source);
    expect(artifact.mediaType).toBe(directoryMediaType);
    const path = await store.materialize(artifact);
    expect((await readdir(path, { recursive: true })).sort()).toEqual([
      'nested',
      'nested/deep',
      'nested/deep/a.txt',
      'run.sh',
    ]);
    expect(await readFile(join(path, 'nested/deep/a.txt'), 'utf8')).toBe('a');
    expect((await stat(join(path, 'nested/deep/a.txt'))).mode & 0o777).toBe(0o444);
    expect((await stat(join(path, 'run.sh'))).mode & 0o777).toBe(0o555);
  });

  it('gives equal content an equal digest in another place, with other times', async () => {
    await write('b.csv', 'x');
    await write('a/b.csv', 'y');
    const first = await putDirectory(store, source);
    await rm(source, { recursive: true });
    source = join(root, 'elsewhere');
    await write('a/b.csv', 'y');
    await write('b.csv', 'x');
    expect(await putDirectory(store, source)).toEqual(first);
    const bytes = await readFile(join(root, 'artifacts', 'sha256', first.sha256.slice(0, 2), first.sha256));
    expect(JSON.parse(bytes.toString())).toMatchObject({ version: 1, files: [{ path: 'a/b.csv' }, { path: 'b.csv' }] });
  });

  it('stores what links inside point to, and refuses those that leave, dangle or go in circles', async () => {
    await write('data/a.txt', 'a');
    await symlink('data/a.txt', join(source, 'link.txt'));
    await symlink('data', join(source, 'folder'));
    const path = await store.materialize(await putDirectory(store, source));
    expect(await readFile(join(path, 'folder/a.txt'), 'utf8')).toBe('a');
    expect(await readFile(join(path, 'link.txt'), 'utf8')).toBe('a');
    const withLink = async (target: string) => {
      await symlink(target, join(source, 'bad'));
      const failure: unknown = await putDirectory(store, source).catch((error: unknown) => error);
      await rm(join(source, 'bad'));
      return failure;
    };
    await writeFile(join(root, 'secret'), 'secret');
    expect(await withLink('../secret')).toMatchObject({ code: 'USER_OPTION_INVALID', value: join(source, 'bad') });
    expect(await withLink('/')).toMatchObject({ code: 'USER_OPTION_INVALID' });
    expect(await withLink('.')).toMatchObject({ code: 'USER_OPTION_INVALID' });
    expect(await withLink('nowhere')).toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
  });

  it('says when the directory is not there or is a file', async () => {
    await write('a', 'a');
    await expect(putDirectory(store, join(root, 'none'))).rejects.toMatchObject({ code: 'USER_FILE_NOT_FOUND' });
    await expect(putDirectory(store, join(source, 'a'))).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });

  it.each(['../evil', '/etc/evil', 'a/../../evil', 'a//b', './a', 'a\\..\\evil', 'C:/evil', 'a\0b', ''])(
    'refuses a manifest with the path "%s"',
    async (path) => {
      const { sha256, sizeBytes } = await store.put(Buffer.from('evil'), 'text/plain');
      const artifact = await putManifest({ version: 1, files: [{ path, sha256, sizeBytes }] });
      await expect(store.materialize(artifact)).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
      expect((await readdir(root)).sort()).toEqual(['artifacts', 'source']);
      expect(await readdir(join(root, 'artifacts')).then((names) => names.includes('dirs'))).toBe(false);
    },
  );

  it.each([
    ['no JSON', 'hello'],
    ['another version', '{"version":2,"files":[]}'],
    ['no object', 'null'],
    ['a bad digest', '{"version":1,"files":[{"path":"a","sha256":"../x","sizeBytes":1}]}'],
    ['one path twice', JSON.stringify({ version: 1, files: [1, 2].map(() => entry('a')) })],
    ['a file below a file', JSON.stringify({ version: 1, files: [entry('a'), entry('a/b')] })],
  ])('refuses a manifest that is %s', (_, text) => {
    expect(() => manifestEntries(Buffer.from(text))).toThrow(expect.objectContaining({ code: 'USER_DATA_MALFORMED' }));
  });

  it('gives the same path again, and a clean directory after a job wrote, changed or removed files in it', async () => {
    await write('a.txt', 'a');
    await write('run.sh', 'run', 0o755);
    const artifact = await putDirectory(store, source);
    const path = await store.materialize(artifact);
    const { ino } = await stat(path);
    expect((await stat(await store.materialize(artifact))).ino).toBe(ino);
    await writeFile(join(path, 'extra.txt'), 'written by a job');
    expect(await store.materialize(artifact)).toBe(path);
    expect((await readdir(path)).sort()).toEqual(['a.txt', 'run.sh']);
    await chmod(join(path, 'run.sh'), 0o755);
    await writeFile(join(path, 'run.sh'), 'changed by a job');
    await store.materialize(artifact);
    expect(await readFile(join(path, 'run.sh'), 'utf8')).toBe('run');
    await rm(join(path, 'a.txt'));
    await store.materialize(artifact);
    expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('a');
  });

  it('says when a file of the directory is damaged or gone', async () => {
    await write('a.txt', 'a');
    const artifact = await putDirectory(store, source);
    const [file] = manifestEntries(await readFile(await store.materialize({ ...artifact, mediaType: 'text/plain' })));
    const path = join(root, 'artifacts', 'sha256', file?.sha256.slice(0, 2) ?? '', file?.sha256 ?? '');
    await chmod(path, 0o644);
    await writeFile(path, 'b');
    await expect(store.materialize(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_DAMAGED' });
    await rm(path);
    await expect(store.materialize(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_MISSING' });
  });

  it('is built once when many ask for it at once', async () => {
    for (let i = 0; i < 30; i++) await write(`file-${i}`, String(i));
    const artifact = await putDirectory(store, source);
    const stores = Array.from({ length: 6 }, () => fileArtifactStore(join(root, 'artifacts')));
    const paths = await Promise.all(stores.map((one) => one.materialize(artifact)));
    expect(new Set(paths).size).toBe(1);
    expect(await readdir(paths[0] ?? '')).toHaveLength(30);
    expect(await readdir(join(root, 'artifacts', 'tmp'))).toEqual([]);
  });

  it('keeps an empty directory', async () => {
    expect(await readdir(await store.materialize(await putDirectory(store, source)))).toEqual([]);
  });
});

describe('mediaTypeOf', () => {
  it('goes by the ending and calls opaque files bytes', () => {
    expect(['a.CSV', 'b.parquet', 'c.onnx', 'd.json'].map(mediaTypeOf)).toEqual([
      'text/csv',
      'application/vnd.apache.parquet',
      'application/vnd.onnx',
      'application/json',
    ]);
    expect(['a.pkl', 'b.joblib', 'c.npy', 'd', '.csv'].map(mediaTypeOf)).toEqual(
      Array(5).fill('application/octet-stream'),
    );
  });
});

function entry(path: string) {
  return { path, sha256: createHash('sha256').update(path).digest('hex'), sizeBytes: 1 };
}
