import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sqlLook } from '../../../../activities/sensors/sql-look.js';
import type { SqlCondition } from '../../../../workflows/sdk/sensors/condition.js';
import { connection, type Database } from '../../../../workflows/sdk/index.js';
import { type PostgresServer, startPostgres } from '../../../support/postgres-server.js';

let postgres: PostgresServer;
let folder: string;
const { signal } = new AbortController();
const postgresBy = (secret: string) => connection('warehouse', { kind: 'postgres', url: { secret } });
const warehouse = postgresBy('EVERTRAIN_TEST_WAREHOUSE');
const files = connection('files', { kind: 'duckdb' });

beforeAll(async () => {
  postgres = await startPostgres();
  folder = await mkdtemp(join(tmpdir(), 'evertrain-sql-'));
  vi.stubEnv('EVERTRAIN_TEST_WAREHOUSE', postgres.url);
  await postgres.run('CREATE TABLE batches (id text, size bigint, at timestamptz)');
  await postgres.run('CREATE SEQUENCE numbers');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const inFile = (file: string) => connection('some', { kind: 'duckdb', file });

function look(database: Database, query: string, params?: SqlCondition['params']) {
  const some = params === undefined ? {} : { params };
  return sqlLook({ kind: 'sql', database, query, ...some }, signal);
}

const counts = async () => (await postgres.run('SELECT count(*)::int AS count FROM batches'))[0]?.['count'];

describe('a query in PostgreSQL', () => {
  it('holds when it has rows, which are told as JSON', async () => {
    const query = 'SELECT id, size, at, NULL AS nothing FROM batches WHERE size > $1;';
    expect(await look(warehouse, query, [5])).toEqual({ met: false, said: 'the query has no rows yet' });
    await postgres.run("INSERT INTO batches VALUES ('a', 7, '2026-01-02T03:04:05Z'), ('b', 9007199254740993, NULL)");
    expect(await look(warehouse, query, [5])).toEqual({
      met: true,
      facts: {
        rows: [
          { id: 'a', size: 7, at: '2026-01-02T03:04:05.000Z', nothing: null },
          { id: 'b', size: '9007199254740993', at: null, nothing: null },
        ],
        more: false,
      },
    });
  });

  it('tells a hundred of many rows, and does not read the others', async () => {
    const seen = await look(warehouse, 'SELECT generate_series(1, 1000000000) AS n');
    const { facts } = seen as { facts: { rows: unknown[]; more: boolean } };
    expect([facts.rows.length, facts.more]).toEqual([100, true]);
  });

  it.each([
    'WITH gone AS (DELETE FROM batches RETURNING id) SELECT * FROM gone',
    'SELECT 1; DELETE FROM batches',
    'SELECT 1; COMMIT; DELETE FROM batches',
    "SELECT nextval('numbers')",
    'SELECT * FROM batches FOR UPDATE',
    'SELECT * FROM no_such_table',
    'SELEC 1',
    'SELECT $1::int',
  ])('that does more than read, or has an error, is refused by the server: %s', async (query) => {
    const before = await counts();
    await expect(look(warehouse, query)).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    expect(await counts()).toBe(before);
  });

  it('never has its parameters taken for SQL', async () => {
    const seen = await look(warehouse, 'SELECT $1::text AS said', ["'; DROP TABLE batches; --"]);
    expect(seen).toMatchObject({ met: true, facts: { rows: [{ said: "'; DROP TABLE batches; --" }] } });
  });

  it('is waited for while the server is away, and its password is in no error', async () => {
    const wrong = postgres.url.replace(encodeURIComponent(postgres.password), 'not%20the%20one');
    vi.stubEnv('EVERTRAIN_TEST_WRONG', wrong);
    const refused: unknown = await look(postgresBy('EVERTRAIN_TEST_WRONG'), 'SELECT 1').catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ code: 'USER_QUERY_REFUSED' });
    await postgres.kill();
    const away: unknown = await look(warehouse, 'SELECT 1').catch((error: unknown) => error);
    expect(away).toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
    await postgres.restart();
    expect(await look(warehouse, 'SELECT 1')).toMatchObject({ met: true });
    vi.stubEnv('EVERTRAIN_TEST_WRONG', `mysql://${postgres.password}`);
    const odd: unknown = await look(postgresBy('EVERTRAIN_TEST_WRONG'), 'SELECT 1').catch((error: unknown) => error);
    expect(odd).toMatchObject({ code: 'USER_CONNECTION_INVALID' });
    for (const error of [refused, away, odd] as Error[]) {
      const text = JSON.stringify([error, error.message, error.stack, String(error.cause)]);
      for (const secret of [postgres.password, 'not the one', 'not%20the%20one']) expect(text).not.toContain(secret);
    }
  });

  it('needs no more than four connections for a hundred looks at once', async () => {
    const most = `SELECT count(*) AS open FROM pg_stat_activity WHERE application_name = 'evertrain'`;
    const seen = await Promise.all(Array.from({ length: 100 }, () => look(warehouse, most)));
    const open = seen.map((one) => (one as { facts: { rows: { open: number }[] } }).facts.rows[0]?.open ?? 99);
    expect(Math.max(...open)).toBeLessThanOrEqual(4);
  });
});

describe('a query in DuckDB', () => {
  it('reads files, and holds when it has rows', async () => {
    const path = join(folder, 'part.csv');
    await writeFile(path, 'x\n1\n2\n');
    const query = `SELECT count(*) AS rows, sum(x) AS sum FROM '${path}' HAVING count(*) >= $1`;
    expect(await look(files, query, [3])).toMatchObject({ met: false });
    expect(await look(files, query, [2])).toMatchObject({ met: true, facts: { rows: [{ rows: 2, sum: 3 }] } });
  });

  it('reads a database of a file, which it cannot change', async () => {
    const path = join(folder, 'some.duckdb');
    await expect(look(inFile(path), 'SELECT 1')).rejects.toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
    const instance = await DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run('CREATE TABLE t AS SELECT 7 AS x; CREATE SEQUENCE numbers');
    connection.closeSync();
    instance.closeSync();
    expect(await look(inFile(path), 'SELECT x FROM t')).toMatchObject({ facts: { rows: [{ x: 7 }] } });
    await expect(look(inFile(path), "SELECT nextval('numbers')")).rejects.toMatchObject({
      code: 'USER_QUERY_REFUSED',
    });
  });

  it.each([
    ["COPY (SELECT 1) TO 'FOLDER/out.csv'"],
    ["SELECT 1; COPY (SELECT 1) TO 'FOLDER/out.csv'"],
    ["EXPLAIN ANALYZE COPY (SELECT 1) TO 'FOLDER/out.csv'"],
    ["ATTACH 'FOLDER/out.csv' AS other"],
    ['SELECT * FROM no_such_table'],
    [''],
  ])('that does more than read, or has an error, is refused: %s', async (query) => {
    const asked = look(files, query.replace('FOLDER', folder));
    await expect(asked).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    expect(existsSync(join(folder, 'out.csv'))).toBe(false);
  });

  it('is waited for while a file that it reads is not there', async () => {
    const asked = look(files, `SELECT * FROM '${folder}/none.parquet'`);
    await expect(asked).rejects.toMatchObject({ code: 'SYSTEM_SERVER_UNREACHABLE' });
  });
});
