import type { Rule } from '../../workflows/pipelines/tabular/contracts.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';

/**
 * What a column of a type of DuckDB holds. `time` is dates and times, `text` everything else: words, booleans, nested
 * values.
 */
export type ColumnKind = 'number' | 'text' | 'time';

export function kindOf(type: string): ColumnKind {
  if (/^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\))$/.test(type)) return 'number';
  return /^(DATE|TIME|TIMESTAMP|INTERVAL)\b/.test(type) || /^(TIME|TIMESTAMP)_/.test(type) ? 'time' : 'text';
}

/** A string as an SQL literal. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A column name as an SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** An SQL condition that is true where a cell breaks its rule (null where it is missing); undefined without a rule. */
export function breaks(name: string, { range, values }: Rule): string | undefined {
  const faults = [
    ...(range === undefined ? [] : [`${identifier(name)} NOT BETWEEN ${range[0]} AND ${range[1]}`]),
    ...(values === undefined ? [] : [`${identifier(name)} NOT IN (${values.map(literal).join(', ')})`]),
  ];
  return faults.length === 0 ? undefined : faults.join(' OR ');
}

export type Connection = Awaited<ReturnType<typeof open>>;

async function open() {
  const { DuckDBInstance } = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_PEER_MISSING', 'Reading tables needs the package @duckdb/node-api.', {
      remedy: 'Run `npm install @duckdb/node-api`.',
      cause,
    });
  });
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  return instance.connect();
}

/** Runs a body over an in-memory DuckDB and closes it. */
export async function withDuckdb<T>(body: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await open();
  try {
    return await body(connection);
  } finally {
    connection.closeSync();
  }
}

/** Rows of a query as plain objects; counts come as numbers. */
export async function rowsOf(connection: Connection, sql: string): Promise<Record<string, unknown>[]> {
  const result = await connection.runAndReadAll(sql);
  return result.getRowObjects().map((row) => {
    return Object.fromEntries(Object.entries(row).map(([name, v]) => [name, typeof v === 'bigint' ? Number(v) : v]));
  });
}

/** Columns of a query as numbers, NaN where a cell is null; for many rows, which objects would not fit. */
export async function numbersOf(connection: Connection, sql: string): Promise<Float64Array[]> {
  const result = await connection.runAndReadAll(sql);
  return result.getColumns().map((column) => Float64Array.from(column, (cell) => (cell === null ? NaN : Number(cell))));
}
