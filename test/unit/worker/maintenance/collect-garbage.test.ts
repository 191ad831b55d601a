import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stepCache } from '../../../../activities/sdk/cache/step-cache.js';
import { stepClaims } from '../../../../activities/sdk/cache/step-claims.js';
import { openAttemptRecords } from '../../../../activities/sdk/journal/attempt-records.js';
import { openAttemptJournal } from '../../../../activities/sdk/journal/attempt-journal.js';
import { openCheckpoints } from '../../../../activities/sdk/journal/checkpoints.js';
import { openFencedLog } from '../../../../activities/sdk/journal/fenced-log.js';
import { fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import {
  checkpointPrefix,
  claimsOf,
  claimsPrefix,
  releasedKey,
  runPrefix,
  runRecordKey,
} from '../../../../activities/sdk/journal/keys.js';
import { type Journal, journalKey } from '../../../../activities/sdk/ports.js';
import { putDirectory } from '../../../../activities/sdk/store/directory.js';
import { type FileArtifactStore, fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { collectGarbage, type GarbageOptions } from '../../../../worker/maintenance/collect-garbage.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';

const hourMs = 3_600_000;
const graceMs = 24 * hourMs;

describe('collectGarbage', () => {
  let root: string;
  let store: FileArtifactStore;
  let journal: Journal;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-garbage-'));
    store = fileArtifactStore(join(root, 'artifacts'));
    journal = fileJournal(join(root, 'journal'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const young = (text: string) => store.put(Buffer.from(text), 'text/plain');
  const age = async (sha256: string) => {
    const then = new Date(Date.now() - 2 * graceMs);
    await utimes(join(root, 'artifacts', 'sha256', sha256.slice(0, 2), sha256), then, then);
  };
  const old = async (text: string) => {
    const artifact = await young(text);
    await age(artifact.sha256);
    return artifact;
  };
  const has = (artifact: Artifact) => store.has(artifact.sha256);
  const collect = (options: Partial<GarbageOptions> = {}) =>
    collectGarbage({ store, journal, roots: [], openRuns: [], graceMs, dryRun: false, ...options });

  it('removes what nothing refers to once it is old, and reports it', async () => {
    const kept = await old('referenced');
    const garbage = await old('garbage!');
    const fresh = await young('fresh');
    const roots = [{ output: [{ model: kept }] }];
    expect(await collect({ roots, dryRun: true })).toMatchObject({ dryRun: true, kept: 2, removed: 1 });
    expect(await has(garbage)).toBe(true);
    expect(await collect({ roots })).toMatchObject({
      dryRun: false,
      kept: 2,
      keptBytes: kept.sizeBytes + fresh.sizeBytes,
      keptByAge: 1,
      removed: 1,
      removedBytes: garbage.sizeBytes,
    });
    expect([await has(kept), await has(garbage), await has(fresh)]).toEqual([true, false, true]);
  });

  it('takes what a model has let go, though a run record names it, but nothing that the engine or a pin holds', async () => {
    const [gone, held, pinned, kept] = [await old('gone'), await old('held'), await old('pinned'), await old('kept')];
    await journal.put(runRecordKey('w', 'r'), JSON.stringify({ view: { output: [gone, held, pinned, kept] } }));
    for (const { sha256 } of [gone, held, pinned]) await journal.put(releasedKey(sha256), '{"model":"m"}');
    await journal.put(journalKey('pins', 'mine'), JSON.stringify(pinned));
    expect(await collect({ roots: [held] })).toMatchObject({ kept: 3, removed: 1 });
    expect([await has(gone), await has(held), await has(pinned), await has(kept)]).toEqual([false, true, true, true]);
  });

  it('only reports unless told otherwise', async () => {
    const garbage = await old('garbage');
    const report = await collectGarbage({ store, journal, roots: [], openRuns: [] });
    expect(report).toMatchObject({ dryRun: true, removed: 1 });
    expect(await has(garbage)).toBe(true);
  });

  it('keeps the files of a directory, and says when a manifest cannot be followed', async () => {
    await mkdir(join(root, 'data'));
    await writeFile(join(root, 'data', 'a'), 'content of a');
    const directory = await putDirectory(store, join(root, 'data'));
    const file = await old('content of a');
    await age(directory.sha256);
    expect(await collect({ roots: [directory] })).toMatchObject({ kept: 2, removed: 0, unreadableManifests: [] });
    expect(await has(file)).toBe(true);
    await store.delete(directory.sha256);
    expect((await collect({ roots: [directory], dryRun: true })).unreadableManifests).toEqual([
      { sha256: directory.sha256, code: 'SYSTEM_ARTIFACT_MISSING' },
    ]);
  });

  it('keeps what run records and pins refer to, after the run itself expired', async () => {
    const recorded = await old('recorded');
    const pinned = await old('pinned');
    await journal.put(runRecordKey('w', 'expired'), JSON.stringify({ view: { output: recorded } }));
    await journal.put(journalKey('pins', 'production'), JSON.stringify(pinned));
    await collect();
    expect([await has(recorded), await has(pinned)]).toEqual([true, true]);
  });

  it('takes claims on results that never came, each key with its newest', async () => {
    const claims = stepClaims(journal);
    const call = { workflowId: 'w', runId: 'r', stepId: 's' };
    for (const key of ['old', 'tried-again']) {
      await journal.put(claimsOf(key), JSON.stringify({ ...call, number: 1, at: 1, ended: true }));
    }
    await claims.take('tried-again', call);
    await journal.put(claimsOf('damaged'), '{"half');
    await collect({ dryRun: true });
    expect(await journal.list(claimsOf('old'))).toHaveLength(1);
    await collect();
    expect(await journal.list(claimsPrefix)).toEqual([claimsOf('tried-again'), `${claimsOf('tried-again')}/00000002`]);
  });

  it('removes nothing when a root cannot be read', async () => {
    const garbage = await old('garbage');
    const broken = (async function* () {
      yield 1;
      throw new Error('the engine went away');
    })();
    await expect(collect({ roots: broken })).rejects.toThrow('the engine went away');
    await journal.put(runRecordKey('w', 'r'), '{"half');
    await expect(collect()).rejects.toMatchObject({ code: 'SYSTEM_ARTIFACT_DAMAGED', value: 'run-records/w/r' });
    expect(await has(garbage)).toBe(true);
  });

  it('keeps the newest checkpoints of open runs', async () => {
    const states = [await old('epoch 1'), await old('epoch 2'), await old('epoch 3')];
    const save = async (runId: string) => {
      const checkpoints = openCheckpoints(await openFencedLog(journal, checkpointPrefix('w', runId, 'fit'), 1));
      for (const state of states) await checkpoints.save(state);
    };
    await save('open');
    await collect({ openRuns: [{ workflowId: 'w', runId: 'open' }] });
    expect(await Promise.all(states.map(has))).toEqual([false, true, true]);
    const runs = { retainedRuns: [{ workflowId: 'w', runId: 'open' }] };
    await collect({ ...runs, lendingRuns: runs.retainedRuns });
    expect(await Promise.all(states.map(has))).toEqual([false, true, true]);
    await collect(runs);
    expect(await Promise.all(states.map(has))).toEqual([false, false, false]);
  });

  it('drops step-cache entries with their artifacts, and no others', async () => {
    const cache = stepCache({ journal, store });
    const source = { workflowId: 'w', runId: 'r', stepId: 's' };
    const keep = (key: string, output: unknown) => cache.store(key, { output, source, storedAt: Date.now() });
    const lost = await old('lost');
    const used = await old('used');
    await keep('aa'.repeat(32), { lost });
    await keep('bb'.repeat(32), { used });
    await keep('cc'.repeat(32), { accuracy: 0.9 });
    expect(await collect({ roots: [used], dryRun: true })).toMatchObject({ removedCacheEntries: 1 });
    expect(await collect({ roots: [used] })).toMatchObject({ removedCacheEntries: 1, removed: 1 });
    expect(await journal.list('cache')).toHaveLength(2);
  });

  it('protects what a cache hit has just handed to a run', async () => {
    const model = await old('model');
    const cache = stepCache({ journal, store });
    const source = { workflowId: 'w', runId: 'r', stepId: 's' };
    await cache.store('aa'.repeat(32), { output: { model }, source, storedAt: Date.now() });
    // The hit comes after the roots were read: no history holds the artifact yet.
    const roots = (async function* () {
      yield await cache.lookup('aa'.repeat(32)).then(() => 'nothing');
    })();
    await collect({ roots });
    expect(await has(model)).toBe(true);
  });

  it('removes the journal of runs that the engine forgot and that are silent, but never their records', async () => {
    const write = async (runId: string, endedAt: number) => {
      const attempt = openAttemptJournal(journal, openAttemptRecords(journal, 'worker'), {
        workflowId: 'w',
        runId,
        stepId: 's',
        attempt: 1,
      });
      await attempt.close({ outcome: 'cancelled', startedAt: endedAt - 1, endedAt });
      await journal.put(runRecordKey('w', runId), '{}');
    };
    const longAgo = Date.now() - 2 * graceMs;
    for (const runId of ['open', 'retained', 'expired']) await write(runId, longAgo);
    await write('new', Date.now());
    const running = openAttemptJournal(journal, openAttemptRecords(journal, 'worker'), {
      workflowId: 'w',
      runId: 'started',
      stepId: 's',
      attempt: 1,
    });
    running.log('info', 'working');
    await running.flush();
    await openFencedLog(journal, checkpointPrefix('w', 'training', 'fit'), 1);
    const known = {
      openRuns: [{ workflowId: 'w', runId: 'open' }],
      retainedRuns: [{ workflowId: 'w', runId: 'retained' }],
    };
    expect(await collect({ ...known, dryRun: true })).toMatchObject({ removedRuns: 1 });
    expect(await journal.list(runPrefix('w', 'expired'))).not.toEqual([]);
    expect(await collect(known)).toMatchObject({ removedRuns: 1 });
    const left = new Set((await journal.list('runs')).map((key) => key.split('/')[2] ?? ''));
    expect([...left]).toEqual(['new', 'open', 'retained', 'started', 'training']);
    expect(await journal.list('run-records')).toHaveLength(4);
    expect(await collect({ ...known, now: Date.now() + 2 * graceMs })).toMatchObject({ removedRuns: 3 });
  });

  it('keeps what was stored again between the listing and its removal', async () => {
    const artifact = await old('stored again');
    const slow: FileArtifactStore = {
      ...store,
      async *list() {
        for await (const listed of store.list()) {
          await young('stored again');
          yield listed;
        }
      },
    };
    expect(await collect({ store: slow })).toMatchObject({ removed: 0, kept: 1 });
    expect(await has(artifact)).toBe(true);
  });

  it('loses nothing that a writer stores or uses while it runs', async () => {
    const texts = Array.from({ length: 120 }, (_, i) => `object ${i}`);
    const before = await Promise.all(texts.map(old));
    let isCollecting = true;
    const written: Artifact[] = [];
    const writer = async () => {
      for (let i = 0; isCollecting || i < texts.length; i++) {
        const text = texts[i % texts.length] as string;
        const known = before[i % before.length] as Artifact;
        if (i % 3 === 0) {
          // Only a use that succeeded counts: the collector may have been first.
          const used = await store.materialize(known).catch(() => undefined);
          if (used !== undefined) written.push(known);
        } else written.push(await young(i % 3 === 1 ? text : `new ${i}`));
      }
    };
    const collector = async () => {
      for (let round = 0; round < 5; round++) await collect();
      isCollecting = false;
    };
    await Promise.all([writer(), writer(), collector()]);
    for (const artifact of written) await store.materialize(artifact);
  });

  it('refuses a grace period that is none', async () => {
    await expect(collect({ graceMs: -1 })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    await expect(collect({ graceMs: Number.NaN })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });
});
