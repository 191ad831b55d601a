import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import type { PostgresConnection } from '../../../workflows/sdk/connections/connection.js';
import type { StepContext } from '../context.js';
import { inDuckdb, literal } from './duckdb.js';
import { type PostgresColumn, postgresTexts } from './postgres.js';
import type { Query } from './query.js';

/** By the oid of PostgreSQL's type; what is not here stays the text that PostgreSQL has for it. */
const duckdbTypes: Readonly<Record<number, string>> = {
  16: 'BOOLEAN',
  20: 'BIGINT',
  21: 'SMALLINT',
  23: 'INTEGER',
  700: 'FLOAT',
  701: 'DOUBLE',
  1700: 'DOUBLE',
  1082: 'DATE',
  1114: 'TIMESTAMP',
  1184: 'TIMESTAMPTZ',
};

/** All rows of a query into a Parquet file, in constant memory; answers their number. Needs DuckDB beside `pg`. */
export async function postgresParquet(
  from: PostgresConnection,
  asked: Query,
  path: string,
  { workDir, signal }: StepContext,
): Promise<number> {
  const texts = join(workDir, 'rows.ndjson');
  const file = createWriteStream(texts);
  let columns: readonly PostgresColumn[] = [];
  try {
    await postgresTexts(from, asked, signal, async (known, rows) => {
      columns = known;
      const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      if (!file.write(lines)) await once(file, 'drain');
    });
  } finally {
    file.end();
    await finished(file);
  }
  const cells = columns.map(({ name, dataTypeID }, n) => {
    return `CAST(cells[${n + 1}] AS ${duckdbTypes[dataTypeID] ?? 'VARCHAR'}) AS "${name.replaceAll('"', '""')}"`;
  });
  const table = `read_json($1, columns = {cells: 'VARCHAR[]'}, format = 'newline_delimited', records = false)`;
  return inDuckdb(undefined, 'reads', signal, async (connection) => {
    const query = `SELECT ${cells.join(', ')} FROM ${table} AS read(cells)`;
    const { rowsChanged } = await connection.run(`COPY (${query}) TO ${literal(path)} (FORMAT parquet)`, [texts]);
    return rowsChanged;
  });
}
