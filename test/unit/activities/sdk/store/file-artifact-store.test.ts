import { utimesSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileArtifactStore, fileArtifactStore } from '../../../../../activities/sdk/store/file-artifact-store.js';
import { artifactStoreConformance } from '../../../../support/artifact-store-conformance.js';

const objectPath = (root: string, sha256: string) => join(root, 'sha256', sha256.slice(0, 2), sha256);

artifactStoreConformance('fileArtifactStore', async () => {
  const root = await mkdtemp(join(tmpdir(), 'evertrain-artifacts-'));
  return {
    store: fileArtifactStore(root),
    remake: {
      module: new URL('../../../../../activities/sdk/store/file-artifact-store.ts', import.meta.url).href,
      export: 'fileArtifactStore',
      arguments: [root],
    },
    async tamper(sha256, change) {
      const path = objectPath(root, sha256);
      await chmod(path, 0o644);
      await writeFile(path, change(await readFile(path)));
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
});

describe('fileArtifactStore', () => {
  let root: string;
  let store: FileArtifactStore;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-artifacts-'));
    store = fileArtifactStore(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const put = (text: string) => store.put(Buffer.from(text), 'text/plain');
  const age = async (sha256: string, ms: number) => {
    const then = new Date(Date.now() - ms);
    await utimes(objectPath(root, sha256), then, then);
  };
  const ageOf = async (sha256: string) => Date.now() - (await stat(objectPath(root, sha256))).mtimeMs;

  it('leaves no temporary file behind', async () => {
    await put('a');
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });

  it('says which path cannot be written, why, and what to do', async () => {
    await writeFile(join(root, 'file'), '');
    const beneathAFile = fileArtifactStore(join(root, 'file', 'artifacts'));
    await expect(beneathAFile.put(Buffer.from('a'), 'text/plain')).rejects.toMatchObject({
      code: 'SYSTEM_STORE_UNAVAILABLE',
      value: join(root, 'file', 'artifacts'),
      message: expect.stringMatching(/ENOTDIR.*folder/) as string,
    });
    await expect(beneathAFile.has('a'.repeat(64))).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE' });
  });

  it('renews the age of an object that is stored or used again', async () => {
    const artifact = await put('a');
    await age(artifact.sha256, 1e8);
    await put('a');
    expect(await ageOf(artifact.sha256)).toBeLessThan(60_000);
    await age(artifact.sha256, 1e8);
    await store.materialize(artifact);
    expect(await ageOf(artifact.sha256)).toBeLessThan(60_000);
  });

  it('does not read a verified file again while size, time and inode are the same', async () => {
    const artifact = await put('data');
    const path = objectPath(root, artifact.sha256);
    const changeUnnoticed = async (text: string, time: Date) => {
      await chmod(path, 0o644);
      await writeFile(path, text);
      await utimes(path, time, time);
    };
    const recently = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000);
    await utimes(path, recently, recently);
    await store.materialize(artifact);
    await changeUnnoticed('atad', recently);
    await store.materialize(artifact);
    await changeUnnoticed('atad', new Date(recently.getTime() + 1000));
    await expect(store.materialize(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_DAMAGED' });
  });

  it('deletes by age only what is old, and gives back what was stored meanwhile', async () => {
    const { sha256 } = await put('a');
    const hourAgo = Date.now() - 3_600_000;
    expect(await store.deleteIfOlder(sha256, hourAgo)).toBe(false);
    await age(sha256, 7_200_000);
    expect(await store.deleteIfOlder(sha256, hourAgo)).toBe(true);
    expect(await store.has(sha256)).toBe(false);
    expect(await store.deleteIfOlder(sha256, hourAgo)).toBe(false);
  });

  it('gives back an object that was stored again after the collector looked at its age', async () => {
    const { sha256 } = await put('contended');
    await age(sha256, 7_200_000);
    let comparisons = 0;
    // Node has no hook between two file operations, but the comparison with the time is between them.
    const beforeMs = {
      valueOf() {
        if (comparisons++ === 0) utimesSync(objectPath(root, sha256), new Date(), new Date());
        return Date.now() - 3_600_000;
      },
    } as unknown as number;
    expect(await store.deleteIfOlder(sha256, beforeMs)).toBe(false);
    expect(comparisons).toBe(2);
    expect(await store.has(sha256)).toBe(true);
    expect(await readdir(join(root, 'trash'))).toEqual([]);
  });

  it('never loses an object to a collector that races with writers', async () => {
    const hourAgo = Date.now() - 3_600_000;
    for (let round = 0; round < 50; round++) {
      const { sha256 } = await put('contended');
      await age(sha256, 7_200_000);
      const [artifact] = await Promise.all([put('contended'), store.deleteIfOlder(sha256, hourAgo)]);
      expect(await readFile(await store.materialize(artifact), 'utf8')).toBe('contended');
    }
  });

  it('finds what a killed collector had moved aside', async () => {
    const artifact = await put('a');
    const trash = join(root, 'trash', artifact.sha256);
    const moveAside = async () => {
      await mkdir(dirname(trash), { recursive: true });
      await rename(objectPath(root, artifact.sha256), trash);
    };
    await moveAside();
    expect(await store.has(artifact.sha256)).toBe(true);
    await moveAside();
    expect(await readFile(await store.materialize(artifact), 'utf8')).toBe('a');
    await moveAside();
    await store.removeLeftovers(0);
    expect(await readdir(join(root, 'trash'))).toEqual([]);
    expect(await store.has(artifact.sha256)).toBe(true);
  });

  it('removes the leftovers of killed writers once they are old', async () => {
    await put('a');
    const leftover = join(root, 'tmp', 'left');
    await writeFile(leftover, 'half');
    expect(await store.removeLeftovers(Date.now() - 3_600_000)).toBe(0);
    expect(await store.removeLeftovers(Date.now() + 1000)).toBe(1);
    expect(await readdir(join(root, 'tmp'))).toEqual([]);
  });
});
