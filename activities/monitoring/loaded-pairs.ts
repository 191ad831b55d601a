import type { Connection } from '../data/table-query.js';
import type { ColumnPair } from './column-pairs.js';

/** About 64 MB of numbers and hashes. */
const mostCells = 8_000_000;
const mostColumns = 100;
const tables = { reference: 'loaded_reference', window: 'loaded_window' } as const;

/** A pair whose cells lie in two tables in memory, in a column of the same name. */
export interface LoadedPair {
  readonly pair: ColumnPair;
  readonly column: string;
  readonly tables: typeof tables;
}

/**
 * Hands pairs of the same two files to `each`, some columns at a time: one query for each column of a file with a thousand
 * of them would spend its time on the file's other columns, and all columns at once would not fit.
 */
export async function forLoadedPairs(
  connection: Connection,
  pairs: readonly ColumnPair[],
  each: (loaded: LoadedPair) => Promise<void>,
): Promise<void> {
  const rows = pairs[0] === undefined ? 1 : pairs[0].reference.rows + pairs[0].window.rows;
  const columns = Math.min(mostColumns, Math.max(1, Math.floor(mostCells / rows)));
  for (let from = 0; from < pairs.length; from += columns) {
    const some = pairs.slice(from, from + columns);
    for (const side of ['reference', 'window'] as const) {
      const cells = some.map((pair, i) => `${pair[side].cell} AS column_${i}`).join(', ');
      await connection.run(
        `CREATE OR REPLACE TABLE ${tables[side]} AS SELECT ${cells} FROM ${some[0]?.[side].table.from ?? ''}`,
      );
    }
    for (const [i, pair] of some.entries()) await each({ pair, column: `column_${i}`, tables });
  }
}
