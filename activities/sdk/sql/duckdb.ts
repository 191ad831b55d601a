import { existsSync } from 'node:fs';
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { missingPackage, type Query, refused, type Row, unreachableDatabase } from './query.js';

const stopEveryMs = 100;

/** The first rows of a query, in a database that cannot be changed: a single SELECT, as a COPY would write files. */
export function duckdbRows(file: string | undefined, asked: Query, most: number, signal: AbortSignal): Promise<Row[]> {
  return inDuckdb(file, 'reads', signal, async (connection) => {
    const statement = await prepared(connection, asked, true);
    const rows = await statement.streamAndReadUntil(most);
    return rows.getRowObjectsJS().slice(0, most);
  });
}

/** All rows of a query into a Parquet file; answers their number. */
export function duckdbParquet(
  file: string | undefined,
  asked: Query,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  return inDuckdb(file, 'reads', signal, async (connection) => {
    // Alone it must be a single SELECT: then it stays one within the brackets.
    await prepared(connection, asked, true);
    const query = `COPY (${asked.query.replace(/;\s*$/, '')}\n) TO ${literal(path)} (FORMAT parquet)`;
    return changedBy(await prepared(connection, { ...asked, query }, false));
  });
}

/** Runs a statement that writes, as a whole or not at all; answers how many rows it has changed. */
export function duckdbChange(file: string | undefined, asked: Query, signal: AbortSignal): Promise<number> {
  return inDuckdb(file, 'writes', signal, async (connection) => changedBy(await prepared(connection, asked, false)));
}

async function changedBy(statement: DuckDBPreparedStatement): Promise<number> {
  const { rowsChanged } = await statement.run();
  return rowsChanged;
}

/** A DuckDB of its own over a file, or over nothing, for queries that read files. */
export async function inDuckdb<T>(
  file: string | undefined,
  access: 'reads' | 'writes',
  signal: AbortSignal,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await duckdb();
  if (file !== undefined && access === 'reads' && !existsSync(file))
    throw unreachableDatabase(`there is no file ${file}`);
  const settings = { threads: '2', autoinstall_known_extensions: 'false', allow_community_extensions: 'false' };
  const instance = await DuckDBInstance.create(
    file ?? ':memory:',
    file === undefined || access === 'writes' ? settings : { ...settings, access_mode: 'READ_ONLY' },
    // Another process that writes to the file locks it.
  ).catch((error: unknown) => {
    throw unreachableDatabase(firstLine(error));
  });
  try {
    const connection = await instance.connect();
    // Again and again: between two queries it is not heeded.
    const stopping = setInterval(() => signal.aborted && connection.interrupt(), stopEveryMs);
    try {
      return await work(connection);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error);
    } finally {
      clearInterval(stopping);
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

async function prepared(
  connection: DuckDBConnection,
  { query, params }: Query,
  isSelect: boolean,
): Promise<DuckDBPreparedStatement> {
  const { StatementType } = await duckdb();
  const statements = await connection.extractStatements(query);
  if (statements.count !== 1) throw refused(`it has ${statements.count} statements`);
  const statement = await statements.prepare(0);
  if (isSelect && statement.statementType !== StatementType.SELECT) throw refused('it is no SELECT');
  if (params !== undefined) statement.bind([...params]);
  return statement;
}

/** A text as it stands in a statement. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function duckdb() {
  return import('@duckdb/node-api').catch((cause: unknown) => {
    throw missingPackage('DuckDB', '@duckdb/node-api', cause);
  });
}

/** What is read may come, or be whole, later; a query does not get better. */
function failureOf(error: unknown): unknown {
  if (error instanceof EvertrainError) return error;
  const text = firstLine(error);
  return /^(IO|Interrupt|Out of Memory|INTERRUPT)/i.test(text) ? unreachableDatabase(text) : refused(text);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
