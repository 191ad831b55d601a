import { mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { readAttempts } from '../../activities/sdk/journal/read-run.js';
import { openStorage, type Storage } from '../../activities/sdk/storage.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { cached, chain, library, many, shipping, training } from '../fixtures/durability/contracts.js';
import type { Run } from '../../client/run.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { smallDisk } from '../support/small-disk.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const disk = await smallDisk(32 << 20);
afterAll(() => disk.remove());

const unavailable = {
  code: 'SYSTEM_STORE_UNAVAILABLE',
  message: expect.stringMatching(new RegExp(`${disk.folder}/.*: ENOSPC. Free disk space`)) as string,
};
const options = { provenance: false } as const;

describe.skipIf(!disk.isMounted)('the disk of a worker is full (needs the right to mount a tmpfs)', () => {
  let fixture: DurableProject;
  let storage: Storage;
  let worker: SpawnedWorker;

  beforeAll(async () => {
    fixture = await durableProject();
  });
  beforeEach(async () => {
    const dataDir = await mkdtemp(join(disk.folder, 'data-'));
    storage = openStorage(dataDir);
    worker = await fixture.worker({ dataDir });
  });
  afterEach(async () => {
    await disk.free();
    await worker?.stop();
  });
  afterAll(() => fixture?.close());

  /** Waits until the run's first step has failed so often; gives why it did last. */
  const lastFailure = async (run: { view(): Promise<{ steps: readonly object[] }> }, attempts: number) => {
    const step = async () => (await run.view()).steps[0] as { attempt?: number; lastFailure?: object };
    await expect.poll(async () => (await step()).attempt, { timeout: 20_000 }).toBeGreaterThan(attempts);
    return (await step()).lastFailure;
  };

  it('when it stores an artifact: the step says so, and is done once when there is space again', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('kept');
    const run = await evertrain.start(library, { effects: effects.url, keys: ['kept'], sizeBytes: 100_000 }, options);
    await effects.began('kept');
    await disk.fill();
    effects.release('kept');
    expect(await lastFailure(run, 2)).toMatchObject(unavailable);
    await disk.free();
    const { output } = (await run.result()) as { output: { kept: Artifact[]; sizeBytes: number } };
    expect(output.sizeBytes).toBe(100_000);
    expect(await readFile(await storage.store.materialize(output.kept[0] as Artifact))).toHaveLength(100_000);
    expect(effects.count('kept')).toBe(1);
    expect(effects.begun('kept')).toBeGreaterThan(1);
  });

  it('when a Python training saves a checkpoint: it goes on from the one before', async () => {
    const { effects, evertrain } = fixture;
    effects.hold('checkpoint-3');
    const run = await evertrain.start(training, { effects: effects.url, epochs: 6 }, options);
    await effects.began('checkpoint-3');
    await disk.fill();
    effects.release('checkpoint-3');
    expect(await lastFailure(run, 1)).toMatchObject(unavailable);
    expect(await lastFailure(run, 3)).toMatchObject(unavailable);
    await disk.free();
    expect(await run.result()).toEqual({ outcome: 'completed', output: { epochs: 6, resumed_from: 3 } });
    expect([0, 1, 2, 3, 4, 5].map((epoch) => effects.count(`epoch-${epoch}`))).toEqual([1, 1, 1, 2, 1, 1]);
  });

  it.each([
    ['a step', chain, 'plain'],
    ['a cached step', cached, 'cached'],
  ])('when the work of %s is done: its answer counts, and its record is written later', async (_, pipeline, key) => {
    const { effects, evertrain } = fixture;
    effects.hold(key);
    const run = await evertrain.start(pipeline, { effects: effects.url, keys: [key, `${key}-after`] }, options);
    await effects.began(key);
    await disk.fill();
    effects.release(key);
    await effects.began(`${key}-after`);
    await disk.free();
    expect(await run.result()).toEqual({ outcome: 'completed', output: [key, `${key}-after`] });
    expect([effects.count(key), effects.count(`${key}-after`)]).toEqual([1, 1]);
    const records = async () =>
      (await readAttempts(storage.journal, run.workflowId, run.runId ?? '')).map(({ outcome }) => outcome);
    await expect.poll(records, { timeout: 20_000 }).toEqual(['completed', 'completed']);
  });
});

describe.skipIf(!disk.isMounted)('the disk of the engine is full (needs the right to mount a tmpfs)', () => {
  let fixture: DurableProject;
  beforeAll(async () => {
    vi.stubEnv('TMPDIR', disk.folder);
    fixture = await durableProject();
    vi.unstubAllEnvs();
  });
  afterAll(async () => {
    await disk.free();
    await fixture?.close();
  });

  it('and the engine ends by it: started again with space, it knows every run that it accepted', async () => {
    const { effects, engine, evertrain } = fixture;
    const worker = await fixture.worker();
    const run = await evertrain.start(shipping, { effects: effects.url }, options);
    await expect.poll(async () => (await run.approvals()).length, { timeout: 20_000 }).toBe(1);
    await disk.fill();
    const accepted: Run[] = [];
    const startMore = async () => {
      for (;;) accepted.push(await evertrain.start(many, { count: 0 }, options));
    };
    await expect(startMore()).rejects.toMatchObject({ code: expect.stringMatching(/^SYSTEM_/) as string });
    await disk.free();
    await engine.kill();
    await engine.restart();
    await run.approve('ship?', { approved: true });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { approved: true } });
    expect([effects.count('prepared'), effects.count('shipped')]).toEqual([1, 1]);
    for (const one of accepted) expect(await one.result()).toEqual({ outcome: 'completed', output: 0 });
    await worker.stop();
  }, 120_000);
});
