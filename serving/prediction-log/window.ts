import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArtifactStore } from '../../activities/sdk/ports.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { identifier, literal } from '../../activities/data/table-query.js';
import type { DuckDbThread } from './duckdb-thread.js';
import type { SegmentFile } from './segment.js';
import { predictionSources, type Source } from './sources.js';

export interface WindowRequest {
  /** Epoch milliseconds, the first included, the second not. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly version?: string;
  /** Of more rows than that, a sample is taken. */
  readonly maxRows: number;
}

export interface WindowAnswer {
  readonly rows: number;
  /** A Parquet table: the features, `prediction`, `at` (a timestamp in UTC) and `version`. */
  readonly artifact?: Artifact;
}

/**
 * What was predicted in a time, as a table. Which rows make the sample hangs on their ids alone, so the same window gives
 * the same rows. Only in `exclusive`.
 */
export async function writeWindow(
  thread: DuckDbThread,
  { folder, segments, store }: { folder: string; segments: readonly SegmentFile[]; store: ArtifactStore },
  request: WindowRequest,
): Promise<WindowAnswer> {
  const sources = await predictionSources(segments, request.sinceMs);
  if (sources.length === 0) return { rows: 0 };
  const condition = conditionOf(request);
  const bound = await greatestRank(thread, sources, condition, request.maxRows);
  if (bound === undefined) return { rows: 0 };
  const names = await metaNames(thread, sources);
  const parts = sources.map(({ from, hasFeatures }) => {
    const facts = `prediction AS ${names.prediction}, epoch_ms("at") AS ${names.at}, version AS ${names.version}`;
    return `SELECT ${hasFeatures ? 'x.*, ' : ''}${facts} FROM ${from} WHERE ${condition} AND ${rank} <= ${bound}`;
  });
  const draft = join(folder, `window-${randomUUID()}.draft`);
  try {
    // Rows that are being written now may have come since the sample was drawn.
    const select = `${parts.join(' UNION ALL BY NAME ')} LIMIT ${request.maxRows}`;
    const [copied] = await thread.run(`COPY (${select}) TO ${literal(draft)} (FORMAT parquet)`);
    return {
      rows: Number(copied?.['Count']),
      artifact: await store.put({ path: draft }, 'application/vnd.apache.parquet'),
    };
  } finally {
    await rm(draft, { force: true });
  }
}

/** A uniform number that hangs on the row alone. */
const rank = `md5_number_lower(concat_ws('/', id, "row", version, "at"))`;

function conditionOf({ sinceMs, untilMs, version }: WindowRequest): string {
  const own = version === undefined ? '' : ` AND version = ${literal(version)}`;
  const sound = 'id IS NOT NULL AND error IS NULL AND NOT isShadow';
  return `${sound} AND "at" >= ${sinceMs} AND "at" < ${untilMs}${own}`;
}

/** Of the sample; undefined where there are no rows. The rows are then picked one by one, and are never all in memory. */
async function greatestRank(
  thread: DuckDbThread,
  sources: readonly Source[],
  condition: string,
  maxRows: number,
): Promise<string | undefined> {
  const ranks = sources.map(({ from }) => `SELECT ${rank} AS rank FROM ${from} WHERE ${condition}`);
  const smallest = `SELECT rank FROM (${ranks.join(' UNION ALL ')}) ORDER BY rank LIMIT ${maxRows}`;
  const [found] = await thread.run(`SELECT CAST(max(rank) AS VARCHAR) AS bound FROM (${smallest})`);
  return (found?.['bound'] as string | null | undefined) ?? undefined;
}

/** Where a feature has the name already, `_` stands behind ours. */
async function metaNames(
  thread: DuckDbThread,
  sources: readonly Source[],
): Promise<Record<'prediction' | 'at' | 'version', string>> {
  const taken = new Set<string>();
  for (const { from, hasFeatures } of sources) {
    if (!hasFeatures) continue;
    const columns = await thread.run(`DESCRIBE SELECT x.* FROM ${from}`);
    for (const column of columns) taken.add(String(column['column_name']).toLowerCase());
  }
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name);
  return {
    prediction: identifier(free('prediction')),
    at: identifier(free('at')),
    version: identifier(free('version')),
  };
}
