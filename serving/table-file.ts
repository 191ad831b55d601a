import { access } from 'node:fs/promises';
import { extname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from '../activities/data/table-query.js';
import { EvertrainError } from '../workflows/sdk/errors.js';

/** CSV, Parquet and JSON files as DuckDB reads and writes them. */

export type TableFormat = 'csv' | 'parquet' | 'json' | 'jsonl';

/** The format by the name's ending; USER_OPTION_INVALID for another one. */
export function tableFormat(path: string): TableFormat {
  const ending = extname(path).toLowerCase();
  if (ending === '.csv' || ending === '.parquet' || ending === '.json') return ending.slice(1) as TableFormat;
  if (ending === '.jsonl' || ending === '.ndjson') return 'jsonl';
  throw new EvertrainError('USER_OPTION_INVALID', `${path} ends with ${ending || 'no extension'}.`, {
    value: path,
    remedy: 'Tables are .csv, .parquet, .json (one list) or .jsonl (one object a line).',
  });
}

export interface Column {
  readonly name: string;
  /** DuckDB's name of the type, for example DOUBLE. */
  readonly type: string;
}

/**
 * Loads a file as table `data`, rows in file order. A CSV file's types are found by reading all of it, so that a late
 * word in a column of numbers is seen; `texts` are read as they stand there (a code `01` stays `01`).
 * USER_FILE_NOT_FOUND, USER_DATA_MALFORMED.
 */
export async function loadTable(
  connection: DuckDBConnection,
  path: string,
  texts: (columns: readonly Column[]) => readonly string[],
): Promise<Column[]> {
  const source = await readerOf(path);
  try {
    const columns = await describe(connection, source(''));
    const asText = tableFormat(path) === 'csv' ? texts(columns) : [];
    const types = asText.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
    await connection.run(`CREATE TABLE data AS SELECT * FROM ${source(types && `, types={${types}}`)}`);
    return await describe(connection, 'data');
  } catch (cause) {
    if (cause instanceof EvertrainError) throw cause;
    const [reason] = (cause as Error).message.split('\n\nLINE');
    throw new EvertrainError('USER_DATA_MALFORMED', `${path} cannot be read as a table: ${reason?.trim()}`, {
      value: path,
      cause,
    });
  }
}

/** The FROM clause, with further options put in. */
async function readerOf(path: string): Promise<(options: string) => string> {
  const format = tableFormat(path);
  try {
    await access(path);
  } catch (cause) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no readable file ${path}.`, { value: path, cause });
  }
  if (/[*?[]/.test(path)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} holds *, ? or [, which DuckDB takes for a pattern.`, {
      value: path,
      remedy: 'Rename the file or its folder.',
    });
  }
  const file = literal(path);
  if (format === 'parquet') return () => `read_parquet(${file})`;
  if (format === 'csv') return (options) => `read_csv(${file}, sample_size=-1${options})`;
  return () => `read_json(${file}, sample_size=-1)`;
}

async function describe(connection: DuckDBConnection, from: string): Promise<Column[]> {
  const rows = await (await connection.run(`DESCRIBE SELECT * FROM ${from}`)).getRowObjectsJson();
  return rows.map((row) => ({ name: row['column_name'] as string, type: row['column_type'] as string }));
}

/** Writes what a query selects. */
export async function writeTable(
  connection: DuckDBConnection,
  select: string,
  path: string,
  format: TableFormat,
): Promise<void> {
  const options = {
    csv: 'FORMAT csv, HEADER',
    parquet: 'FORMAT parquet',
    json: 'FORMAT json, ARRAY true',
    jsonl: 'FORMAT json',
  };
  await connection.run(`COPY (${select}) TO ${literal(path)} (${options[format]})`);
}
