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

export interface DriftTable {
  /** What stands in a FROM clause. NaN is not yet missing there. */
  readonly from: string;
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
export async function openTable(connection: Connection, name: string, source: TableSource): Promise<DriftTable> {
  const isParquet = source.read === 'read_parquet';
  if (!isParquet) await createTable(connection, `${name}_table`, source);
  const from = isParquet ? fromSource(source) : `${name}_table`;
  return readable(source.name, profiled(connection, name, from));
}

async function profiled(connection: Connection, name: string, from: string): Promise<DriftTable> {
  await viewWithoutNaN(connection, name, from);
  const { rows, columns } = await profileOf(connection, name);
  const typed = (await columnsOf(connection, from)).map((column): [string, TypedColumn] => [
    column.name,
    { type: column.type, values: columns.get(column.name)?.values ?? 0 },
  ]);
  return { from, rows, columns: new Map(typed) };
}
