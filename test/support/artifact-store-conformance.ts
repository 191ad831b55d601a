import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import { putDirectory } from '../../activities/sdk/store/directory.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { type Child, type Remake, remakeInChild, startChild } from './child-process.js';

export interface StoreUnderTest {
  readonly store: ArtifactStore;
  /** How another process makes a store on the same bytes. */
  readonly remake: Remake;
  /** Changes stored bytes behind the store's back. */
  tamper(sha256: string, change: (bytes: Buffer) => Buffer): Promise<void>;
  dispose(): Promise<void>;
}

const text = 'text/plain';
const absent = 'a'.repeat(64);
const digest = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');
const reference = (scheme: string, sha256: string): Artifact => ({
  uri: `${scheme}:sha256/${sha256}`,
  sha256,
  sizeBytes: 1,
  mediaType: text,
});

/** What every artifact store does. A real store only: it is written to by several processes, and some are killed. */
export function artifactStoreConformance(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  describe(`${name}, as an artifact store`, () => {
    let subject: StoreUnderTest;
    let store: ArtifactStore;
    let folder: string;
    let children: Child[];
    beforeEach(async () => {
      subject = await makeStore();
      store = subject.store;
      folder = await mkdtemp(join(tmpdir(), 'evertrain-store-'));
      children = [];
    });
    afterEach(async () => {
      await Promise.all(children.map((child) => child.kill()));
      await subject.dispose();
      await rm(folder, { recursive: true, force: true });
    });
    const child = (task: unknown) => {
      const started = startChild('artifact-store-child.ts', { remake: remakeInChild(subject.remake), task });
      children.push(started);
      return started;
    };
    const stored = async () => {
      const all: string[] = [];
      for await (const { sha256 } of store.list()) all.push(sha256);
      return all.sort();
    };

    it('gives the same reference for the same bytes from memory, a stream and a file', async () => {
      const path = join(folder, 'data.txt');
      await writeFile(path, 'hello');
      const fromBytes = await store.put(Buffer.from('hello'), text);
      expect(fromBytes).toEqual({
        uri: `${store.scheme}:sha256/${digest('hello')}`,
        sha256: digest('hello'),
        sizeBytes: 5,
        mediaType: text,
      });
      expect(await store.put(Readable.from(['he', Buffer.from('llo')]), text)).toEqual(fromBytes);
      expect(await store.put({ path }, text)).toEqual(fromBytes);
      expect(await stored()).toEqual([digest('hello')]);
    });

    it('gives the bytes back as a stream and as a read-only file', async () => {
      const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => i % 251));
      const artifact = await store.put(bytes, 'application/octet-stream');
      expect((await buffer(await store.open(artifact))).equals(bytes)).toBe(true);
      const path = await store.materialize(artifact);
      expect((await readFile(path)).equals(bytes)).toBe(true);
      expect((await stat(path)).mode & 0o222).toBe(0);
      expect(await store.materialize(artifact)).toBe(path);
    });

    it('stores zero bytes', async () => {
      const artifact = await store.put(Readable.from([]), text);
      expect(artifact.sizeBytes).toBe(0);
      expect((await buffer(await store.open(artifact))).length).toBe(0);
    });

    it('says what it has, lists it with size and time, and deletes it', async () => {
      const before = Date.now() - 2000;
      const { sha256 } = await store.put(Buffer.from('one'), text);
      expect(await store.has(sha256)).toBe(true);
      expect(await store.has(absent)).toBe(false);
      for await (const object of store.list()) {
        expect(object).toMatchObject({ sha256, sizeBytes: 3 });
        expect(object.writtenAtMs).toBeGreaterThan(before);
      }
      await store.delete(sha256);
      await store.delete(sha256);
      expect(await store.has(sha256)).toBe(false);
      expect(await stored()).toEqual([]);
    });

    it('fails with SYSTEM_ARTIFACT_MISSING for bytes that it does not have', async () => {
      const artifact = reference(store.scheme, absent);
      await expect(store.open(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_MISSING' });
      await expect(store.materialize(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_MISSING' });
    });

    it.each([
      ['a flipped bit', (bytes: Buffer) => Buffer.from(bytes.map((b, i) => (i === 1 ? b ^ 4 : b)))],
      ['a cut end', (bytes: Buffer) => bytes.subarray(0, -1)],
      ['bytes added', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
    ])('detects %s on every way to the bytes, and storing them again repairs it', async (_, change) => {
      const content = Buffer.from('precious numbers');
      const artifact = await store.put(content, text);
      await store.materialize(artifact);
      await subject.tamper(artifact.sha256, change);
      const damaged = { code: 'SYSTEM_ARTIFACT_DAMAGED' };
      await expect(buffer(await store.open(artifact))).rejects.toMatchObject(damaged);
      await expect(store.materialize(artifact)).rejects.toMatchObject(damaged);
      await store.put(content, text);
      expect((await buffer(await store.open(artifact))).equals(content)).toBe(true);
      expect((await readFile(await store.materialize(artifact))).equals(content)).toBe(true);
    });

    it('refuses a reference of another scheme and names both', async () => {
      const foreign = reference('elsewhere', absent);
      const both = expect.objectContaining({
        code: 'USER_OPTION_INVALID',
        message: expect.stringMatching(new RegExp(`"elsewhere".*"${store.scheme}"`)) as string,
      }) as Error;
      await expect(store.open(foreign)).rejects.toEqual(both);
      await expect(store.materialize(foreign)).rejects.toEqual(both);
    });

    it.each([`../../${'a'.repeat(58)}`, 'A'.repeat(64), '', 'a'.repeat(63)])(
      'refuses the malformed digest "%s" before it becomes a path',
      async (sha256) => {
        const invalid = { code: 'USER_OPTION_INVALID' };
        await expect(store.has(sha256)).rejects.toMatchObject(invalid);
        await expect(store.delete(sha256)).rejects.toMatchObject(invalid);
        await expect(store.open(reference(store.scheme, sha256))).rejects.toMatchObject(invalid);
        await expect(store.materialize(reference(store.scheme, sha256))).rejects.toMatchObject(invalid);
        const lying = { ...reference(store.scheme, absent), sha256 };
        await expect(store.materialize(lying)).rejects.toMatchObject(invalid);
      },
    );

    it('stores nothing of a source that fails, and passes its error on', async () => {
      const failing = Readable.from(
        (function* () {
          yield Buffer.from('some');
          throw new Error('the source broke');
        })(),
      );
      await expect(store.put(failing, text)).rejects.toThrow('the source broke');
      const cut = new Readable({ read: () => undefined });
      cut.push('some');
      setTimeout(() => cut.destroy(), 10);
      await expect(store.put(cut, text)).rejects.toThrow();
      await expect(store.put({ path: join(folder, 'none') }, text)).rejects.toMatchObject({
        code: 'USER_FILE_NOT_FOUND',
      });
      await expect(store.put({ path: folder }, text)).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
      expect(await stored()).toEqual([]);
    });

    it('stores a directory once, whatever its order, and gives it back', async () => {
      await writeFile(join(folder, 'b.txt'), 'b');
      await writeFile(join(folder, 'a.txt'), 'a');
      const artifact = await putDirectory(store, folder);
      expect(await putDirectory(store, folder)).toEqual(artifact);
      const path = await store.materialize(artifact);
      expect(await readFile(join(path, 'a.txt'), 'utf8')).toBe('a');
      expect(await readFile(join(path, 'b.txt'), 'utf8')).toBe('b');
    });

    it('lets eight processes write the same and different bytes at once', async () => {
      const shared = Array.from({ length: 20 }, (_, i) => `shared ${i} ${'x'.repeat(i * 300)}`);
      const writers = Array.from({ length: 8 }, (_, i) => child({ do: 'put', texts: [...shared, `own ${i}`] }));
      for (const writer of writers) expect(await writer.next()).toBe('ready');
      for (const writer of writers) writer.go();
      const written = await Promise.all(writers.map((writer) => writer.next<string[]>()));
      for (const [i, digests] of written.entries()) expect(digests).toEqual([...shared, `own ${i}`].map(digest));
      const expected = [...shared, ...writers.map((_, i) => `own ${i}`)].map((content) => digest(content)).sort();
      expect(await stored()).toEqual(expected);
      for (const sha256 of expected) {
        expect(digest(await buffer(await store.open(reference(store.scheme, sha256))))).toBe(sha256);
      }
    });

    it('has nothing of a writer that was killed in the middle', async () => {
      const writer = child({ do: 'put-without-end' });
      expect(await writer.next()).toBe('writing');
      await writer.kill();
      expect(await stored()).toEqual([]);
    });

    // 2 GiB takes the same memory; run by hand with `mebibytes: 2048`.
    it('streams a large object in constant memory', async () => {
      const { artifact, growthMebibytes } = await child({ do: 'put-large', mebibytes: 256 }).next<{
        artifact: Artifact;
        growthMebibytes: number;
      }>();
      expect(artifact.sizeBytes).toBe(256 << 20);
      expect(growthMebibytes).toBeLessThan(128);
    });
  });
}
