import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { identifier } from '../../activities/data/table-query.js';

/** The columns of a segment, beside those that every segment has. Its first line holds them. */
export interface Layout {
  readonly features: readonly { readonly name: string; readonly type: string }[];
  /** Type of the prediction, as DuckDB names it. */
  readonly prediction: string;
}

/** Name of the group of segments with these columns; `n` stands first where there are no features. */
export function groupOf(layout: Layout): string {
  const digest = createHash('sha256').update(JSON.stringify(layout)).digest('hex').slice(0, 12);
  return `${layout.features.length === 0 ? 'n' : 'f'}${digest}`;
}

export function hasFeatures(group: string): boolean {
  return group.startsWith('f');
}

/** The first line of a segment. */
export function headerLine(layout: Layout): string {
  return `${JSON.stringify({ layout })}\n`;
}

/** Undefined where the writer was killed before the first line was whole: such a segment has no rows. */
export async function readLayout(path: string): Promise<Layout | undefined> {
  const handle = await open(path);
  try {
    for await (const line of handle.readLines({ autoClose: false })) {
      return (JSON.parse(line) as { layout?: Layout }).layout;
    }
    return undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await handle.close();
  }
}

/** The columns as `read_json` takes them. */
export function jsonColumns({ features, prediction }: Layout): string {
  const fields = features.map(({ name, type }) => `${identifier(name)} ${type}`).join(', ');
  const columns: Record<string, string> = {
    id: 'VARCHAR',
    row: 'INTEGER',
    at: 'BIGINT',
    version: 'VARCHAR',
    latencyMs: 'DOUBLE',
    key: 'VARCHAR',
    isShadow: 'BOOLEAN',
    ...(features.length === 0 ? {} : { x: `STRUCT(${fields})` }),
    prediction,
    probabilities: 'DOUBLE[]',
    error: 'VARCHAR',
  };
  const entries = Object.entries(columns).map(([name, type]) => `${identifier(name)}: '${type.replaceAll("'", "''")}'`);
  return `{${entries.join(', ')}}`;
}
