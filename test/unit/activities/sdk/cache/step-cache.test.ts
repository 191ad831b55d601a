import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheKey, type StepCache, stepCache } from '../../../../../activities/sdk/cache/step-cache.js';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import { cacheEntryKey } from '../../../../../activities/sdk/journal/keys.js';
import type { ArtifactStore, Journal } from '../../../../../activities/sdk/ports.js';
import { putDirectory } from '../../../../../activities/sdk/store/directory.js';
import { fileArtifactStore } from '../../../../../activities/sdk/store/file-artifact-store.js';

const source = { workflowId: 'w', runId: 'r', stepId: 's' };
const parts = { step: 'iris.fit', input: { budget: 3 }, fingerprint: 'f1' };

describe('cacheKey', () => {
  it('changes with each of its parts', () => {
    const keys = [
      parts,
      { ...parts, step: 'iris.fit2' },
      { ...parts, input: { budget: 4 } },
      { ...parts, fingerprint: 'f2' },
      { ...parts, version: '1' },
      { ...parts, version: '2' },
    ].map(cacheKey);
    expect(new Set(keys).size).toBe(keys.length);
    expect(cacheKey({ ...parts })).toBe(keys[0]);
  });
});

describe('stepCache', () => {
  const key = cacheKey(parts);
  let root: string;
  let store: ArtifactStore;
  let journal: Journal;
  let cache: StepCache;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-cache-'));
    store = fileArtifactStore(join(root, 'artifacts'));
    journal = fileJournal(join(root, 'journal'));
    cache = stepCache({ journal, store });
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const keep = (output: unknown, storedAt = Date.now()) => cache.store(key, { output, source, storedAt });
  const objectPath = (sha256: string) => join(root, 'artifacts', 'sha256', sha256.slice(0, 2), sha256);

  it('gives back what was stored, and from where', async () => {
    const model = await store.put(Buffer.from('model'), 'application/octet-stream');
    await keep({ model, accuracy: 0.9 }, Date.now());
    expect(await cache.lookup(key)).toMatchObject({ output: { model, accuracy: 0.9 }, source });
    expect(await cache.lookup(cacheKey({ ...parts, version: '2' }))).toBeUndefined();
  });

  it('keeps a step that answers nothing, and the newest of two answers', async () => {
    await keep(undefined);
    expect(await cache.lookup(key)).toMatchObject({ output: null });
    await keep(2);
    expect(await cache.lookup(key)).toMatchObject({ output: 2 });
  });

  it('misses what is older than asked for', async () => {
    await keep(1, Date.now() - 10_000);
    expect(await cache.lookup(key, 60_000)).toBeDefined();
    expect(await cache.lookup(key, 5_000)).toBeUndefined();
  });

  it('misses when an artifact of the output is gone or damaged, deep inside too', async () => {
    const model = await store.put(Buffer.from('model'), 'text/plain');
    await keep({ candidates: [{ model }] });
    await chmod(objectPath(model.sha256), 0o644);
    await writeFile(objectPath(model.sha256), 'medol');
    expect(await cache.lookup(key)).toBeUndefined();
    await store.put(Buffer.from('model'), 'text/plain');
    expect(await cache.lookup(key)).toBeDefined();
    await store.delete(model.sha256);
    expect(await cache.lookup(key)).toBeUndefined();
  });

  it('misses when a file of a directory is gone', async () => {
    await mkdir(join(root, 'data'));
    await writeFile(join(root, 'data', 'a'), 'a');
    const directory = await putDirectory(store, join(root, 'data'));
    await keep({ directory });
    expect(await cache.lookup(key)).toBeDefined();
    await store.delete((await store.put(Buffer.from('a'), 'text/plain')).sha256);
    expect(await cache.lookup(key)).toBeUndefined();
  });

  it.each(['{"half', 'null', '7', '{}', '{"output":1,"storedAt":"x"}', '{"output":1,"storedAt":1,"source":{}}'])(
    'misses a malformed entry: %s',
    async (text) => {
      await journal.put(cacheEntryKey(key), text);
      expect(await cache.lookup(key)).toBeUndefined();
    },
  );

  it('misses an entry whose artifacts are in a store of another kind', async () => {
    const model = await store.put(Buffer.from('model'), 'text/plain');
    await keep({ model: { ...model, uri: `s3:sha256/${model.sha256}` } });
    expect(await cache.lookup(key)).toBeUndefined();
  });

  it('fails when the store does not answer, rather than doing the work twice', async () => {
    const model = await store.put(Buffer.from('model'), 'text/plain');
    await keep({ model });
    await rm(join(root, 'artifacts'), { recursive: true });
    await writeFile(join(root, 'artifacts'), '');
    await expect(cache.lookup(key)).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE' });
  });
});
