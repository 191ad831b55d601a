import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory, unlessAbsent } from '../../activities/sdk/durable-files.js';
import { literal } from '../../activities/data/table-query.js';
import type { DuckDbThread } from './duckdb-thread.js';
import { jsonColumns, readLayout } from './layout.js';
import { listSegments, type SegmentFile } from './segment.js';
import { readJsonl } from './sources.js';

/**
 * Turns a closed segment into a Parquet file of the same name. Killed at any moment, it leaves each row once: the draft
 * counts for nothing, and the Parquet file, once renamed into place, for all.
 */
export async function compactSegment(thread: DuckDbThread, segment: SegmentFile): Promise<void> {
  const { stem, path } = segment;
  const layout = await readLayout(path);
  if (layout !== undefined) {
    const draft = `${stem}.${process.pid}.draft`;
    try {
      const rows = `SELECT * FROM ${readJsonl([segment], jsonColumns(layout))} WHERE id IS NOT NULL`;
      await thread.run(`COPY (${rows}) TO ${literal(draft)} (FORMAT parquet, COMPRESSION zstd)`);
      await flushFile(draft);
      await rename(draft, `${stem}.parquet`);
      await syncDirectory(join(stem, '..'));
    } finally {
      await rm(draft, { force: true });
    }
  }
  await rm(path, { force: true });
}

async function flushFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What a kill left behind: drafts, and JSONL files that their Parquet file replaces. */
export async function removeLeftovers(folder: string, olderThanMs: number): Promise<void> {
  const names = new Set(await unlessAbsent(readdir(folder)));
  for (const name of names) {
    const path = join(folder, name);
    if (name.endsWith('.jsonl') && names.has(name.replace(/jsonl$/, 'parquet'))) await rm(path, { force: true });
    if (!name.endsWith('.draft')) continue;
    const facts = await unlessAbsent(stat(path));
    if (facts !== undefined && facts.mtimeMs < olderThanMs) await rm(path, { force: true });
  }
}

export interface Retention {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Removes the oldest segments beyond the bounds, those that are written to excepted. */
export async function removeOldest(
  folder: string,
  { maxBytes, maxAgeMs }: Retention,
  isOpen: (segment: SegmentFile) => boolean,
): Promise<void> {
  const segments = await listSegments(folder);
  const sizes = await Promise.all(segments.map(async ({ path }) => (await unlessAbsent(stat(path)))?.size ?? 0));
  let total = sizes.reduce((sum, size) => sum + size, 0);
  for (const [i, segment] of segments.entries()) {
    const isTooOld = Date.now() - segment.beganAt > maxAgeMs;
    if ((total <= maxBytes && !isTooOld) || isOpen(segment)) continue;
    await rm(segment.path, { force: true });
    total -= sizes[i] ?? 0;
  }
}
