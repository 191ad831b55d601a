import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { profileOf, viewWithoutNaN } from '../data/table-profile.js';
import { type Connection, literal, withDuckdb } from '../data/table-query.js';
import { columnsOf, createTable, fromSource, readable, type TableSource } from '../data/table-source.js';

export interface TypedColumn {
  /** As DuckDB calls it. */
  readonly type: string;
  /** Cells that are not missing. */
  readonly values: number;
}

/** A table as a view in which NaN is missing. */
export interface DriftTable {
  readonly view: string;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, TypedColumn>;
}

const memoryLimit = '600MB';

/** A DuckDB that spills to the step's folder what exceeds its memory. */
export async function withBoundedDuckdb<T>(
  { workDir }: { readonly workDir: string },
  body: (connection: Connection) => Promise<T>,
): Promise<T> {
  await mkdir(workDir, { recursive: true });
  return withDuckdb(async (connection) => {
    await connection.run(`SET memory_limit = '${memoryLimit}'`);
    await connection.run(`SET temp_directory = ${literal(join(workDir, 'duckdb'))}`);
    return body(connection);
  });
}

/** Parquet is read column by column where it lies; the rest has no columns to read alone, and is read to its end first. */
export async function openTable(connection: Connection, view: string, source: TableSource): Promise<DriftTable> {
  const isParquet = source.read === 'read_parquet';
  if (!isParquet) await createTable(connection, `${view}_table`, source);
  const from = isParquet ? fromSource(source) : `${view}_table`;
  return readable(source.name, profiled(connection, view, from));
}

async function profiled(connection: Connection, view: string, from: string): Promise<DriftTable> {
  await viewWithoutNaN(connection, view, from);
  const { rows, columns } = await profileOf(connection, view);
  const typed = (await columnsOf(connection, view)).map(({ name, type }): [string, TypedColumn] => [
    name,
    { type, values: columns.get(name)?.values ?? 0 },
  ]);
  return { view, rows, columns: new Map(typed) };
}
