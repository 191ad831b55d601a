import { cp, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionLike } from '@temporalio/client';
import proto from '@temporalio/proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileArtifactStore } from '../../activities/sdk/store/file-artifact-store.js';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { connect } from '../../client/connect.js';
import type { Evertrain } from '../../client/evertrain.js';
import { provision } from '../../worker/engine/provision.js';
import { backup } from '../../worker/maintenance/backup.js';
import { collectGarbage } from '../../worker/maintenance/collect-garbage.js';
import { engineRuns } from '../../worker/maintenance/engine-runs.js';
import { historyRoots } from '../../worker/maintenance/history-roots.js';
import { clientsOfStore } from '../../worker/maintenance/store-users.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { keptBytes } from '../fixtures/durability/activities.js';
import { library, training } from '../fixtures/durability/contracts.js';
import { evertrainCli } from '../support/cli-process.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

const options = { provenance: false } as const;
const sizeBytes = 5_000;
const dayMs = 86_400_000;
const twoDaysAgo = new Date(Date.now() - 2 * dayMs);

let fixture: DurableProject;
/** Holds the backups. */
let folder: string;
const engines: { readonly engine: TestEngine; readonly evertrain: Evertrain }[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-maintenance-'));
  fixture = await durableProject();
});
afterAll(async () => {
  for (const { evertrain, engine } of engines) {
    await evertrain.close();
    await engine.stop();
  }
  await fixture?.close();
  await rm(folder, { recursive: true, force: true });
});

/** An engine of its own on a backup. */
async function restored(from: string) {
  const engine = await startTestEngine(from);
  const evertrain = await engine.connect();
  engines.push({ engine, evertrain });
  return { engine, evertrain };
}

const storeOf = (dataDir: string) => fileArtifactStore(join(dataDir, 'artifacts'));
const objectPath = (sha256: string) => join(fixture.engine.dataDir, 'artifacts/sha256', sha256.slice(0, 2), sha256);
const makeOld = (sha256: string) => utimes(objectPath(sha256), twoDaysAgo, twoDaysAgo);

/** Stores what nothing refers to, old enough to be removed. */
async function plant(keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const { sha256 } = await storeOf(fixture.engine.dataDir).put(keptBytes(key, sizeBytes), 'text/plain');
    await makeOld(sha256);
  }
}

const theJournal = () => fileJournal(join(fixture.engine.dataDir, 'journal'));

async function collect(now = Date.now()) {
  const { client } = fixture.evertrain;
  return collectGarbage({
    store: storeOf(fixture.engine.dataDir),
    journal: theJournal(),
    roots: historyRoots(client),
    ...(await engineRuns(client)),
    dryRun: false,
    now,
  });
}

const keysOf = (run: string) => Array.from({ length: 6 }, (_, n) => `${run}-${n}`);

/** The run's result is right, and all that it refers to is there. */
async function expectComplete(evertrain: Evertrain, workflowId: string, dataDir: string): Promise<void> {
  const result = (await evertrain.attach(workflowId).result()) as { output: { kept: Artifact[]; sizeBytes: number } };
  expect(result).toMatchObject({ outcome: 'completed', output: { sizeBytes: 6 * sizeBytes } });
  const bytes = await Promise.all(result.output.kept.map((artifact) => contents(dataDir, artifact)));
  expect(bytes).toEqual(keysOf(workflowId).map((key) => keptBytes(key, sizeBytes)));
}

async function contents(dataDir: string, artifact: Artifact): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await storeOf(dataDir).open(artifact)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('garbage collection', () => {
  it('keeps what open runs refer to, however old it is', async () => {
    const { effects, evertrain, engine } = fixture;
    const first = await fixture.worker();
    const input = { effects: effects.url, keys: keysOf('open'), sizeBytes };
    for (const key of ['open-5', 'checkpoint-2']) effects.hold(key);
    const run = await evertrain.start(library, input, { ...options, id: 'open' });
    const trained = await evertrain.start(training, { effects: effects.url, epochs: 4 }, options);
    for (const key of ['open-5', 'checkpoint-2']) await effects.began(key);
    const completed = async () => (await run.view()).steps.filter(({ status }) => status === 'completed').length;
    await expect.poll(completed, { timeout: 20_000 }).toBe(5);
    await plant(keysOf('garbage'));
    expect(await collect(Date.now() + 2 * dayMs)).toMatchObject({ removed: 6, keptByAge: 0 });
    await first.kill();
    for (const key of ['open-5', 'checkpoint-2']) effects.release(key);
    const second = await fixture.worker();
    await expectComplete(evertrain, 'open', engine.dataDir);
    expect(await trained.result()).toEqual({ outcome: 'completed', output: { epochs: 4, resumed_from: 2 } });
    await second.stop();
  });
});

describe('a store that several namespaces use', () => {
  it('keeps what the runs of all hold; is not collected where another engine has one', async () => {
    const { effects, engine } = fixture;
    const namespace = 'second';
    const { connection } = fixture.evertrain.client;
    const workflowExecutionRetentionPeriod = proto.google.protobuf.Duration.fromObject({ seconds: 86_400 });
    await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    const second = await connect({ address: engine.address, namespace });
    try {
      await expect.poll(() => isProvisioned(connection, namespace), { timeout: 30_000 }).toBe(true);
      const worker = await fixture.worker({ namespace });
      effects.hold('second-5');
      const input = { effects: effects.url, keys: keysOf('second'), sizeBytes };
      const run = await second.start(library, input, { ...options, id: 'second' });
      await effects.began('second-5');
      const completed = async () => (await run.view()).steps.filter(({ status }) => status === 'completed').length;
      await expect.poll(completed, { timeout: 20_000 }).toBe(5);
      const named = async (...gone: string[]) =>
        (await clientsOfStore(theJournal(), fixture.evertrain.client, gone)).map(({ options: of }) => of.namespace);
      await expect.poll(() => named(), { timeout: 20_000 }).toContain(namespace);

      const gc = (...args: string[]) =>
        evertrainCli(['gc', '--grace', '1ms', '--address', engine.address, '--data-dir', engine.dataDir, ...args])
          .ended;
      // What earlier runs left goes first.
      expect(await gc('--apply')).toMatchObject({ code: 0 });
      await plant(keysOf('unheld'));
      expect(JSON.parse((await gc('--apply')).out)).toMatchObject({ removed: 6 });

      const other = { id: '0f0e', namespace: 'default', seenAt: 0 };
      await theJournal().put(`store-users/${other.id}`, JSON.stringify(other));
      const refused = await gc('--apply');
      expect(refused.code).toBe(2);
      expect(refused.out).toContain('USER_STORE_SHARED');
      expect(await gc('--apply', '--forget', other.id)).toMatchObject({ code: 0 });
      expect(await gc()).toMatchObject({ code: 0 });

      effects.release('second-5');
      await expectComplete(second, 'second', engine.dataDir);
      await worker.stop();
    } finally {
      await second.close();
    }
  }, 120_000);
});

/** The engine tells of a new namespace a moment later. */
async function isProvisioned(connection: ConnectionLike, namespace: string): Promise<boolean> {
  return provision(connection, namespace).then(
    () => true,
    () => false,
  );
}

describe('under load, garbage collection and backups', () => {
  const ids: string[] = ['held'];
  let backups: string[];

  it('take nothing from any run', async () => {
    const { effects, evertrain, engine } = fixture;
    const worker = await fixture.worker();
    const start = (id: string) =>
      evertrain.start(library, { effects: effects.url, keys: keysOf(id), sizeBytes }, { ...options, id });
    effects.hold('held-5');
    const held = await start('held');
    await effects.began('held-5');
    effects.slowDown(() => 20);

    let isBusy = true;
    const lane = async (name: string) => {
      for (let n = 0; n < 4; n++) {
        const id = `${name}-${n}`;
        // What the run is about to store is there already, and due to be removed.
        await plant(keysOf(id));
        await (await start(id)).result();
        ids.push(id);
      }
    };
    const collecting = async () => {
      while (isBusy) await collect();
    };
    const backingUp = async () => {
      const made: string[] = [];
      while (isBusy) {
        const to = join(folder, `${made.length}`);
        expect(await backup({ dataDir: engine.dataDir, to })).toMatchObject({ damaged: [], database: true });
        made.push(to);
      }
      return made;
    };
    const load = Promise.all(['red', 'green', 'blue'].map(lane)).finally(() => {
      isBusy = false;
    });
    [, , backups] = await Promise.all([load, collecting(), backingUp()]);
    effects.release('held-5');
    await held.result();
    for (const id of ids) {
      await expectComplete(evertrain, id, engine.dataDir);
      expect(keysOf(id).map((key) => effects.count(key))).toEqual([1, 1, 1, 1, 1, 1]);
    }
    await worker.stop();
  }, 120_000);

  it('leave backups on which open runs go on and ended ones have all that they made', async () => {
    const { evertrain, engine } = await restored(backups[backups.length >> 1] as string);
    const worker = await fixture.worker({ address: engine.address, dataDir: engine.dataDir });
    const isThere = (id: string) =>
      evertrain.client.workflow
        .getHandle(id)
        .describe()
        .then(
          () => true,
          () => false,
        );
    expect(await isThere('held')).toBe(true);
    for (const id of ids) if (await isThere(id)) await expectComplete(evertrain, id, engine.dataDir);
    await worker.stop();
  });
});

describe('a restored backup', () => {
  it('goes on although its journal knows of later attempts than its database', async () => {
    const { effects, evertrain, engine } = fixture;
    const before = effects.begun('checkpoint-1');
    effects.hold('checkpoint-1');
    const run = await evertrain.start(training, { effects: effects.url, epochs: 3 }, options);
    // The database is copied in the first attempt, the journal in the third.
    for (const attempt of [1, 2, 3]) {
      const worker = await fixture.worker();
      await effects.began('checkpoint-1', before + attempt);
      await backup({ dataDir: engine.dataDir, to: join(folder, `attempt-${attempt}`) });
      await worker.kill();
    }
    effects.release('checkpoint-1');
    const second = await restored(join(folder, 'attempt-1'));
    const { dataDir, address } = second.engine;
    await rm(join(dataDir, 'journal'), { recursive: true });
    await cp(join(folder, 'attempt-3', 'journal'), join(dataDir, 'journal'), { recursive: true });
    const worker = await fixture.worker({ address, dataDir });
    const result = await second.evertrain.attach(run.workflowId).result();
    expect(result).toEqual({ outcome: 'completed', output: { epochs: 3, resumed_from: 1 } });
    await worker.stop();
  }, 120_000);
});
