import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStorage } from '../../activities/sdk/storage.js';
import { versionsOf } from '../../client/cli/model-versions.js';
import type { Model } from '../../client/model-handle.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { rival, type rivalling } from '../fixtures/durability/rival.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { type HeldModelServer, heldModelServer } from '../support/held-model-server.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

let fixture: DurableProject;
let model: Model<typeof rivalling>;
let server: HeldModelServer;
let worker: SpawnedWorker;
const sent: string[] = [];

beforeAll(async () => {
  fixture = await durableProject('durability');
  model = fixture.evertrain.model(rival);
  server = await heldModelServer(fixture.engine.dataDir);
  worker = await startWorker();
});
afterAll(async () => {
  await server?.close();
  await fixture?.close();
});

const startWorker = () => fixture.worker({ modelServer: server.address });
const state = () => model.state({ within: '30s' });

/** Its place is 900 characters long, so that a hundred are more than a state keeps. */
async function arrives(id: string, more: { readonly at?: number } = {}): Promise<void> {
  sent.push(id);
  const attributes = { effects: fixture.effects.url };
  await model.dataArrived({ id, uri: `file:/${id}`.padEnd(900, '-'), rows: 5, attributes, ...more });
}

/** Trains on what waits; answers the version, and what the training was given. */
async function trained() {
  const { nextVersion } = await state();
  await expect.poll(async () => (await state()).data?.counts.received, { timeout: 30_000 }).toBe(sent.length);
  await model.retrainNow({ within: '30s' });
  await expect.poll(async () => (await state()).nextVersion, { timeout: 60_000 }).toBe(nextVersion + 1);
  const { versions } = await state();
  const made = versions.find(({ version }) => version === String(nextVersion));
  const { input } = await fixture.evertrain.attach(made?.run.workflowId ?? '').view();
  return { made, ...(input as { ids: string[]; from: string }) };
}

describe('a model that has used more batches than its state keeps', () => {
  it('moves the older ones into its archive', async () => {
    await arrives('first');
    await expect.poll(async () => (await state()).versions.length, { timeout: 30_000 }).toBe(1);
    await model.configure({ promotion: 'manual', retrainWhen: { rows: 1_000_000 } });
    for (let n = 0; n < 120; n++) await arrives(`early-${n}`);
    const { ids } = await trained();
    expect(ids).toEqual(sent.slice(1));
    await expect.poll(async () => (await state()).archive?.batches, { timeout: 30_000 }).toBeGreaterThan(60);
    const { data, archive } = await state();
    expect((archive?.batches ?? 0) + (data?.used.length ?? 0)).toBe(121);
  }, 60_000);

  it('trains on all of them, also after its worker was killed and it continued as new', async () => {
    await model.configure({ window: 'all' });
    const handle = fixture.evertrain.client.workflow.getHandle(modelWorkflowId(rival.name));
    const { runId } = await handle.describe();
    await handle.signal(modelMessages.deployed, { code: 'another' });
    await worker.kill();
    worker = await startWorker();
    await expect.poll(async () => (await handle.describe()).runId, { timeout: 30_000 }).not.toBe(runId);
    await arrives('later');
    const { ids, made } = await trained();
    expect(ids).toEqual(sent);
    expect(made?.data).toEqual({ batches: 122, newBatches: 1, rows: 610, through: 122 });
  }, 90_000);

  it('trains on the newest n, or those of the last days, however long ago they were used', async () => {
    await model.configure({ window: { batches: 100 } });
    await arrives('even later');
    expect((await trained()).ids).toEqual(sent.slice(-100));
    await model.configure({ window: { last: '1 day' } });
    await arrives('of last year', { at: Date.now() - 365 * 86_400_000 });
    expect((await trained()).ids).toEqual(sent);
    await arrives('of today');
    expect((await trained()).ids).toEqual(sent.filter((id) => id !== 'of last year'));
    await expect(model.configure({ window: 'custom' })).rejects.toThrow(/there is no function/);
  }, 90_000);

  it('trains incrementally on what its champion has not seen', async () => {
    await model.configure({ update: 'incremental', window: 'all' });
    await model.promote((await state()).versions.at(-1)?.version ?? '');
    await arrives('one more');
    const next = await trained();
    expect([next.ids, next.from]).toEqual([['one more'], (await state()).champion]);
    await arrives('and another');
    expect((await trained()).ids).toEqual(['one more', 'and another']);
  }, 90_000);
});

describe('a model with a retention', () => {
  it('archives the versions beyond it, lets their artifacts go, and says so to who asks for one', async () => {
    const { versions, champion, archive } = await state();
    expect(archive?.versions).toBe(0);
    await model.configure({ retention: { versions: 1 } });
    await expect.poll(async () => (await state()).archive?.versions, { timeout: 30_000 }).toBe(versions.length - 3);
    // The champion, the one before it, and the newest.
    const kept = versions.filter(({ version }) => ['1', champion, versions.at(-1)?.version].includes(version));
    expect((await state()).versions).toEqual(kept);
    const { store } = openStorage(fixture.engine.dataDir);
    const all = await versionsOf(store, await state());
    expect(all.map(({ version, artifact }) => [version, artifact])).toEqual(
      versions.map(({ version, artifact }) => [version, artifact]),
    );
    const released = await readdir(join(fixture.engine.dataDir, 'journal', 'released'));
    const digests = (of: typeof versions) =>
      of.flatMap((one) => [one.artifact, one.trained].flatMap((artifact) => artifact?.sha256 ?? []));
    const gone = digests(versions).filter((sha256) => !digests(kept).includes(sha256));
    expect(released.map((name) => name.slice(0, 64)).sort()).toEqual([...new Set(gone)].sort());
    await expect(model.promote('2')).rejects.toThrow(/has no version "2".*older ones are archived/);
  }, 60_000);
});
