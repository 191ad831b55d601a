import { literal } from '../../activities/data/table-query.js';
import { hasFeatures, jsonColumns, type Layout, readLayout } from './layout.js';
import { longestLineBytes } from './prediction-writer.js';
import type { SegmentFile } from './segment.js';

/** A table of predictions that a query may read, all of one layout. */
export interface Source {
  /** For a FROM clause. */
  readonly from: string;
  readonly hasFeatures: boolean;
}

/** The parts of a path that DuckDB would take for a pattern are put in brackets. */
function pathLiteral(path: string): string {
  return literal(path.replace(/[*?[]/g, '[$&]'));
}

function listOf(segments: readonly { readonly path: string }[]): string {
  return `[${segments.map(({ path }) => pathLiteral(path)).join(', ')}]`;
}

/** JSONL segments of one layout; lines that are no rows (the first one, a torn last one) come out as nulls. */
export function readJsonl(segments: readonly { readonly path: string }[], columns: string): string {
  const options = `format='newline_delimited', ignore_errors=true, maximum_object_size=${2 * longestLineBytes}`;
  return `read_json(${listOf(segments)}, ${options}, columns=${columns})`;
}

/** Rows are younger than the beginning of their segment, less what they waited for; no segment stays open for longer. */
const longestSegmentMs = 2 * 3_600_000;

/** Where the predictions since a time lie, by layout; more may lie there than those. */
export async function predictionSources(segments: readonly SegmentFile[], sinceMs: number): Promise<Source[]> {
  const groups = new Map<string, SegmentFile[]>();
  for (const segment of segments) {
    if (segment.kind !== 'predictions' || segment.beganAt < sinceMs - longestSegmentMs) continue;
    groups.set(segment.group, [...(groups.get(segment.group) ?? []), segment]);
  }
  const sources: Source[] = [];
  for (const [group, members] of groups) {
    const parquet = members.filter(({ format }) => format === 'parquet');
    const jsonl = members.filter(({ format }) => format === 'jsonl');
    const layout = await firstLayout(jsonl);
    const own = { hasFeatures: hasFeatures(group) };
    if (parquet.length > 0) sources.push({ from: `read_parquet(${listOf(parquet)})`, ...own });
    if (layout !== undefined) sources.push({ from: readJsonl(jsonl, jsonColumns(layout)), ...own });
  }
  return sources;
}

/** Of the first segment whose first line is whole; where none is, they have no rows. */
async function firstLayout(segments: readonly SegmentFile[]): Promise<Layout | undefined> {
  for (const { path } of segments) {
    const layout = await readLayout(path);
    if (layout !== undefined) return layout;
  }
  return undefined;
}

/** The labels that came; undefined where none did. `seq` tells those of the same time apart. */
export function labelSource(segments: readonly SegmentFile[]): string | undefined {
  const files = segments.filter(({ kind }) => kind === 'labels');
  const columns = `{id: 'VARCHAR', "row": 'INTEGER', label: 'JSON', "at": 'BIGINT', seq: 'BIGINT'}`;
  return files.length === 0 ? undefined : readJsonl(files, columns);
}
