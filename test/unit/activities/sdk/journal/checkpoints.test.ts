import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCheckpoints } from '../../../../../activities/sdk/journal/checkpoints.js';
import { openFencedLog } from '../../../../../activities/sdk/journal/fenced-log.js';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import type { ArtifactStore } from '../../../../../activities/sdk/ports.js';
import { fileArtifactStore } from '../../../../../activities/sdk/store/file-artifact-store.js';

describe('openCheckpoints', () => {
  let root: string;
  let store: ArtifactStore;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-checkpoints-'));
    store = fileArtifactStore(join(root, 'artifacts'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const open = async (attempt: number, artifacts?: ArtifactStore) =>
    openCheckpoints(await openFencedLog(fileJournal(join(root, 'journal')), 'log', attempt), artifacts);
  const state = (text: string) => store.put(Buffer.from(text), 'application/octet-stream');

  it('has none at first', async () => {
    expect(await (await open(1)).load()).toBeUndefined();
  });

  it('gives the newest to this attempt and the next, and numbers go on', async () => {
    const first = await open(1);
    await first.save(await state('one'), { epoch: 1 });
    const two = await first.save(await state('two'), { epoch: 2 });
    expect(two).toEqual({ artifact: await state('two'), meta: { epoch: 2 }, sequence: 2, attempt: 1 });
    expect(await first.load()).toEqual(two);
    const second = await open(2);
    expect(await second.load()).toEqual(two);
    expect(await second.save(await state('three'))).toMatchObject({ sequence: 3, attempt: 2, meta: {} });
    await expect(first.save(await state('late'))).rejects.toMatchObject({ code: 'SYSTEM_FENCED' });
    expect(await second.load()).toMatchObject({ sequence: 3 });
  });

  it('numbers without gap or repeat when one attempt is delivered twice and saves at once', async () => {
    const deliveries = await Promise.all([open(1), open(1), open(1)]);
    const artifact = await state('x');
    const saved = await Promise.all(
      deliveries.flatMap((one) => [1, 2, 3].map(async () => (await one.save(artifact)).sequence)),
    );
    expect(saved.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('refuses a checkpoint whose bytes are not in the store, and meta that JSON cannot hold', async () => {
    const checkpoints = await open(1, store);
    const artifact = await state('x');
    await expect(checkpoints.save(artifact, { loss: Number.NaN })).rejects.toMatchObject({
      code: 'USER_OUTPUT_INVALID',
    });
    await store.delete(artifact.sha256);
    await expect(checkpoints.save(artifact)).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_MISSING' });
    expect(await checkpoints.load()).toBeUndefined();
  });

  it('goes back to the newest checkpoint whose bytes are there', async () => {
    const checkpoints = await open(1, store);
    await checkpoints.save(await state('one'), { epoch: 1 });
    const two = await checkpoints.save(await state('two'), { epoch: 2 });
    await store.delete(two.artifact.sha256);
    expect(await (await open(2, store)).load()).toMatchObject({ sequence: 1, meta: { epoch: 1 } });
  });
});
