import type { Pool, PoolClient } from 'pg';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { SqlCondition } from '../../../workflows/sdk/sensors/condition.js';
import { withoutValues } from '../../sdk/secrets.js';
import { mostRows, queriesAtOnce, queryTimeoutMs, refused, unreachableDatabase } from './rows.js';

type Rows = readonly Readonly<Record<string, unknown>>[];

const idleMs = 5_000;
const int8 = 20;

const pools = new Map<string, Promise<Pool>>();

/**
 * The first rows of a query in PostgreSQL, by a cursor (which takes a single query, and none that writes) in a transaction
 * that the server holds to reading. A role that may only read is still the better lock: a function can do anything.
 */
export async function postgresRows(url: string, { query, params }: SqlCondition): Promise<Rows> {
  try {
    const client = await (await poolOf(url)).connect();
    return await inReadOnly(client, async () => {
      await client.query(`DECLARE evertrain_sensor NO SCROLL CURSOR FOR ${query.replace(/;\s*$/, '')}`, [
        ...(params ?? []),
      ]);
      const { rows } = await client.query<Record<string, unknown>>(`FETCH ${mostRows} FROM evertrain_sensor`);
      return rows;
    });
  } catch (error) {
    throw failureOf(error, url);
  }
}

async function inReadOnly<T>(client: PoolClient, read: () => Promise<T>): Promise<T> {
  try {
    await client.query('BEGIN READ ONLY');
    const found = await read();
    await client.query('ROLLBACK');
    client.release();
    return found;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

function poolOf(url: string): Promise<Pool> {
  const found = pools.get(url) ?? openPool(url);
  pools.set(url, found);
  found.catch(() => pools.delete(url));
  return found;
}

async function openPool(url: string): Promise<Pool> {
  const { default: pg } = await import('pg').catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_PEER_MISSING', 'A query in PostgreSQL needs the package pg.', {
      remedy: 'Run `npm install pg`.',
      cause,
    });
  });
  const getTypeParser = ((oid: number, format?: 'text') =>
    oid === int8 ? safeNumber : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'evertrain',
    max: queriesAtOnce,
    idleTimeoutMillis: idleMs,
    connectionTimeoutMillis: 10_000,
    statement_timeout: queryTimeoutMs,
    allowExitOnIdle: true,
    types: { getTypeParser },
  });
  // A connection that breaks while idle is none of a sensor's business.
  pool.on('error', () => undefined);
  return pool;
}

function safeNumber(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

/** Classes of SQLSTATE that waiting does not mend: rights and names, syntax, data, protocol, refused log-ins. */
const final = /^(42|22|0A|25|28|3D|3F|34|08P)/;

function failureOf(error: unknown, url: string): unknown {
  if (error instanceof EvertrainError) return error;
  const { code = '', message } = error as { readonly code?: string; readonly message: string };
  const why = withoutValues(message || code, [url, ...passwordOf(url)]);
  return final.test(code) && code.length === 5 ? refused(why) : unreachableDatabase(why);
}

function passwordOf(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decodeURIComponent(password)];
}
