import { forEachArtifact } from '../../workflows/sdk/artifact.js';
import { durationMs } from '../../workflows/sdk/duration.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { parseCacheEntry } from '../../activities/sdk/cache/step-cache.js';
import { parseClaim } from '../../activities/sdk/cache/step-claims.js';
import { isCheckpoint } from '../../activities/sdk/journal/checkpoints.js';
import { parseLogEntry } from '../../activities/sdk/journal/fenced-log.js';
import {
  cachePrefix,
  checkpointsPrefix,
  claimsPrefix,
  pinsPrefix,
  releasedPrefix,
  runRecordsPrefix,
} from '../../activities/sdk/journal/keys.js';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { isSweepable, isTidyable } from '../../activities/sdk/store/sweepable.js';
import { ArtifactMarks } from './artifact-marks.js';
import { expiredRunPrefixes, type RunRef } from './expired-runs.js';

/**
 * Garbage collection by mark and sweep, safe while everything runs. Marked is every artifact that a root holds: the
 * histories that the engine keeps (`historyRoots`), run records (but for what a model's retention has let go), pins, and the
 * newest checkpoints of each call of open runs, ended calls too: a paused trial goes on from its own. A directory's manifest
 * marks its files. Swept is what is neither marked nor stored or used within the grace period, which has to be longer than
 * the longest step: between its `put` and its end in a history, an artifact has nothing but its age.
 *
 * When a root cannot be read the collection fails before it removes anything. Step-cache entries are no roots: they go
 * with their artifacts; claims on entries that never came go when they are older than the grace period. The journal of a
 * run goes when the engine knows the run no more and it has been silent for the grace period; its run record stays.
 */
export interface GarbageOptions {
  readonly store: ArtifactStore;
  readonly journal: Journal;
  /** JSON values whose artifacts are kept; usually `historyRoots(client)`. */
  readonly roots: AsyncIterable<unknown> | Iterable<unknown>;
  /** Runs that have not ended: their checkpoints and journals are kept. */
  readonly openRuns: AsyncIterable<RunRef> | Iterable<RunRef>;
  /** Ended runs that the engine still knows: their journals are kept. */
  readonly retainedRuns?: AsyncIterable<RunRef> | Iterable<RunRef>;
  /** Ended runs whose checkpoints are kept all the same: an open one may go on from them. */
  readonly lendingRuns?: AsyncIterable<RunRef> | Iterable<RunRef>;
  /** Default 24 hours. */
  readonly graceMs?: number;
  /** Default true: report only. */
  readonly dryRun?: boolean;
  /** Epoch ms. */
  readonly now?: number;
}

/** What was removed; in a dry run, what would be. */
export interface GarbageReport {
  readonly dryRun: boolean;
  readonly kept: number;
  readonly keptBytes: number;
  /** Of `kept`: without a reference, but within the grace period. */
  readonly keptByAge: number;
  readonly removed: number;
  readonly removedBytes: number;
  readonly removedCacheEntries: number;
  /** Journals of expired runs. */
  readonly removedRuns: number;
  /** Unfinished files of killed writers; 0 in a dry run. */
  readonly removedLeftovers: number;
  /** Referenced directory manifests that cannot be read: their files are not protected. */
  readonly unreadableManifests: readonly { readonly sha256: string; readonly code: string }[];
}

const dayMs = 86_400_000;
/** `load` falls back on the one before, should the newest be damaged. */
const checkpointsKept = 2;

export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const { store, journal, graceMs = dayMs, dryRun = true, now = Date.now() } = options;
  if (graceMs !== 0) durationMs(graceMs, 'graceMs');
  const beforeMs = now - graceMs;

  const marks = new ArtifactMarks(store);
  for await (const root of options.roots) await marks.mark(root);
  await markDocuments(journal, pinsPrefix, marks);
  const known: RunRef[] = [];
  for await (const run of options.openRuns) {
    known.push(run);
    await markCheckpoints(journal, run, marks);
  }
  for await (const run of options.lendingRuns ?? []) await markCheckpoints(journal, run, marks);
  // What a model has let go: a run record alone does not hold it.
  for (const key of await journal.list(releasedPrefix)) marks.release(key.slice(releasedPrefix.length + 1));
  await markDocuments(journal, runRecordsPrefix, marks);
  for await (const run of options.retainedRuns ?? []) known.push(run);

  const swept = await sweep(store, marks, beforeMs, dryRun);
  const removedCacheEntries = await dropCacheEntries(options, swept.gone, dryRun);
  const expired = await expiredRunPrefixes(journal, known, beforeMs);
  if (!dryRun) for (const prefix of expired) await journal.delete(prefix);
  if (!dryRun) await dropClaims(journal, beforeMs);
  return {
    dryRun,
    ...swept.counts,
    removedCacheEntries,
    removedRuns: expired.length,
    removedLeftovers: dryRun ? 0 : await tidy([store, journal], beforeMs),
    unreadableManifests: marks.unreadableManifests,
  };
}

async function markDocuments(journal: Journal, prefix: string, marks: ArtifactMarks): Promise<void> {
  for (const key of await journal.list(prefix)) {
    const text = await journal.get(key);
    if (text === undefined) continue;
    await marks.mark(parseRoot(key, text));
  }
}

function parseRoot(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvertrainError('SYSTEM_ARTIFACT_DAMAGED', `The journal document ${key} is not JSON.`, {
      value: key,
      remedy: 'Nothing was removed. Restore the document from a backup, or delete it if nothing needs it.',
      cause,
    });
  }
}

async function markCheckpoints(journal: Journal, run: RunRef, marks: ArtifactMarks): Promise<void> {
  const keptOf = new Map<string, number>();
  const newestFirst = (await journal.list(checkpointsPrefix(run.workflowId, run.runId))).reverse();
  for (const key of newestFirst) {
    const step = key.slice(0, key.lastIndexOf('/'));
    const kept = keptOf.get(step) ?? 0;
    if (kept === checkpointsKept) continue;
    const entry = parseLogEntry(await journal.get(key));
    if (entry === undefined || !isCheckpoint(entry)) continue;
    keptOf.set(step, kept + 1);
    await marks.mark(entry.artifact);
  }
}

async function sweep(store: ArtifactStore, marks: ArtifactMarks, beforeMs: number, dryRun: boolean) {
  const counts = { kept: 0, keptBytes: 0, keptByAge: 0, removed: 0, removedBytes: 0 };
  const gone = new Set<string>();
  for await (const { sha256, sizeBytes, writtenAtMs } of store.list()) {
    const isMarked = marks.has(sha256);
    const isOld = writtenAtMs < beforeMs;
    if (!isMarked && isOld && (dryRun || (await remove(store, sha256, beforeMs)))) {
      gone.add(sha256);
      counts.removed++;
      counts.removedBytes += sizeBytes;
      continue;
    }
    counts.kept++;
    counts.keptBytes += sizeBytes;
    if (!isMarked) counts.keptByAge++;
  }
  return { counts, gone };
}

/** Asks the store to look at the age again as it removes: somebody may have stored the same bytes since the listing. */
async function remove(store: ArtifactStore, sha256: string, beforeMs: number): Promise<boolean> {
  if (isSweepable(store)) return store.deleteIfOlder(sha256, beforeMs);
  await store.delete(sha256);
  return true;
}

async function dropCacheEntries({ store, journal }: GarbageOptions, gone: ReadonlySet<string>, dryRun: boolean) {
  let dropped = 0;
  for (const key of await journal.list(cachePrefix)) {
    const entry = parseCacheEntry(await journal.get(key));
    const digests: string[] = [];
    forEachArtifact(entry?.output, ({ sha256 }) => digests.push(sha256));
    let isLost = entry === undefined;
    for (const sha256 of digests) isLost ||= gone.has(sha256) || !(await store.has(sha256));
    if (!isLost) continue;
    dropped++;
    if (!dryRun) await journal.delete(key);
  }
  return dropped;
}

async function dropClaims(journal: Journal, beforeMs: number): Promise<void> {
  // Sorted: the newest claim of each key is the last.
  const newest = new Map((await journal.list(claimsPrefix)).map((key) => [key.split('/', 2).join('/'), key]));
  for (const [all, key] of newest) {
    const claim = parseClaim(await journal.get(key));
    if (claim === undefined || claim.at < beforeMs) await journal.delete(all);
  }
}

async function tidy(places: readonly object[], beforeMs: number): Promise<number> {
  let removed = 0;
  for (const place of places) if (isTidyable(place)) removed += await place.removeLeftovers(beforeMs);
  return removed;
}
