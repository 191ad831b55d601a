import type { Client, QueryResult } from 'pg';
import type { PostgresConnection } from '../../../workflows/sdk/connections/connection.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { postgresUrl } from '../connections/connection-url.js';
import { withoutValues } from '../secrets.js';
import { missingPackage, type Query, refused, type Row, unreachableDatabase } from './query.js';

const types = { int8: 20, numeric: 1700 };

/** Rows of a cursor that are read at once where all are wanted. */
const rowsAtOnce = 5_000;

/** A column of a query: its name, and its type's oid. */
export interface PostgresColumn {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The first rows of a query, whose JSON values are those of their types. */
export function postgresRows(to: PostgresConnection, asked: Query, most: number, signal: AbortSignal): Promise<Row[]> {
  return reading(to, asked, signal, async (client) => {
    const { rows } = await client.query<Row>(`FETCH ${most} FROM evertrain`);
    return rows;
  });
}

/** All rows of a query, some at a time, with the text that the server has for each value. */
export function postgresTexts(
  to: PostgresConnection,
  asked: Query,
  signal: AbortSignal,
  take: (columns: readonly PostgresColumn[], rows: readonly (readonly (string | null)[])[]) => Promise<void>,
): Promise<void> {
  return reading(to, asked, signal, async (client) => {
    const getTypeParser = () => (text: unknown) => text;
    for (;;) {
      const text = `FETCH ${rowsAtOnce} FROM evertrain`;
      const { fields, rows } = await client.query({ text, rowMode: 'array', types: { getTypeParser } });
      await take(fields, rows as (string | null)[][]);
      if (rows.length < rowsAtOnce) return;
    }
  });
}

/** Runs a statement that writes, as a whole or not at all; answers how many rows it has changed. */
export function postgresChange(to: PostgresConnection, asked: Query, signal: AbortSignal): Promise<number> {
  return inTransaction(to, 'BEGIN', 'COMMIT', signal, async (client) => (await run(client, asked)).rowCount ?? 0);
}

/**
 * A cursor, which takes a single query and none that writes, in a transaction that the server holds to reading. A role that
 * may only read is still the better lock: a function can do anything.
 */
function reading<T>(to: PostgresConnection, asked: Query, signal: AbortSignal, read: (client: Client) => Promise<T>) {
  const query = `DECLARE evertrain NO SCROLL CURSOR FOR ${asked.query.replace(/;\s*$/, '')}`;
  return inTransaction(to, 'BEGIN READ ONLY', 'ROLLBACK', signal, async (client) => {
    await run(client, { ...asked, query });
    return read(client);
  });
}

/** By name, as `pg` would take a query without values for a list of statements. */
function run(client: Client, { query, params }: Query): Promise<QueryResult> {
  return client.query({ name: 'evertrain', text: query, values: [...(params ?? [])] });
}

/** Over a connection of its own: what limits them is a pool of places (`pool()`), for sensors their own. */
async function inTransaction<T>(
  to: PostgresConnection,
  begin: string,
  end: string,
  signal: AbortSignal,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const url = await postgresUrl(to);
  const client = await newClient(url);
  const stop = () => void terminate(url, client);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.connect();
    signal.throwIfAborted();
    await client.query(begin);
    const found = await work(client);
    await client.query(end);
    return found;
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, url);
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end().catch(() => undefined);
  }
}

/** Otherwise the server would notice when the query has ended. */
async function terminate(url: string, running: Client): Promise<void> {
  const { processID } = running as unknown as { readonly processID: number | null };
  const client = await newClient(url);
  await client
    .connect()
    .then(() => client.query('SELECT pg_terminate_backend($1)', [processID]))
    .catch(() => undefined);
  await client.end().catch(() => undefined);
}

async function newClient(url: string): Promise<Client> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw missingPackage('PostgreSQL', 'pg', cause);
  });
  const parsers: Record<number, (text: string) => unknown> = { [types.int8]: safeNumber, [types.numeric]: safeNumber };
  const getTypeParser = ((oid: number, format?: 'text') =>
    parsers[oid] ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
  const client = new pg.Client({
    connectionString: url,
    application_name: 'evertrain',
    connectionTimeoutMillis: 10_000,
    types: { getTypeParser },
  });
  // A connection that breaks between two queries is told by the next one.
  client.on('error', () => undefined);
  return client;
}

/** Text where a number would be another one. */
function safeNumber(text: string): number | string {
  const value = Number(text);
  const isExact = Number.isInteger(value) ? Number.isSafeInteger(value) : text.replace(/^0+|\D|0+$/g, '').length <= 15;
  return isExact ? value : text;
}

/** Classes of SQLSTATE that waiting does not mend: rights and names, syntax, data, protocol, refused log-ins. */
const final = /^(42|22|23|0A|25|28|3D|3F|34|08P)/;

function failureOf(error: unknown, url: string): unknown {
  if (error instanceof EvertrainError) return error;
  const { code = '', message } = error as { readonly code?: string; readonly message: string };
  const why = withoutValues(message || code, [url]);
  return final.test(code) && code.length === 5 ? refused(why) : unreachableDatabase(why);
}
