import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { implementSql, type SqlStepOptions } from '../../../../../activities/sdk/sql/implement-sql.js';
import { type Artifact, artifact, connection, type Database, step } from '../../../../../workflows/sdk/index.js';
import { type PostgresServer, startPostgres } from '../../../../support/postgres-server.js';
import { type TestContext, testContext } from '../../../../support/step-context.js';

const asks = step('sql.asks', { input: z.object({ day: z.string(), table: artifact().optional() }) });
const files = connection('files', { kind: 'duckdb' });
const day = '2026-01-02';

let folder: string;
let context: TestContext;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-sql-step-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
});
afterEach(() => context.remove());

type Options = SqlStepOptions<typeof asks>;

function run(database: Database, query: string, options?: Options, table?: Artifact): Promise<unknown> {
  return implementSql(asks, database, query, options).run({ day, table }, context);
}

/** What a Parquet artifact holds, with the types of its columns. */
async function read(table: Artifact) {
  const types = `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet($1))`;
  const asked = { params: ({ table: of }: { table?: Artifact | undefined }) => [of as Artifact] };
  const described = (await run(files, types, asked, table)) as { rows: { column_name: string; column_type: string }[] };
  const found = (await run(files, 'SELECT * FROM read_parquet($1)', asked, table)) as { rows: unknown[] };
  return {
    rows: found.rows,
    types: Object.fromEntries(described.rows.map((one) => [one.column_name, one.column_type])),
  };
}

describe('a step in PostgreSQL', () => {
  let postgres: PostgresServer;
  let warehouse: Database;
  const count = async () => (await postgres.run('SELECT count(*)::int AS n FROM sales'))[0]?.['n'];

  beforeAll(async () => {
    postgres = await startPostgres();
    const url = new URL(postgres.url);
    url.password = '';
    vi.stubEnv('EVERTRAIN_TEST_PASSWORD', postgres.password);
    const password = { secret: 'EVERTRAIN_TEST_PASSWORD' };
    warehouse = connection('warehouse', { kind: 'postgres', url: url.href, password });
    await postgres.run('CREATE TABLE sales (day date, shop text PRIMARY KEY, sum numeric, n bigint, at timestamptz)');
    await postgres.run(`INSERT INTO sales VALUES ('${day}', 'a''b', 1.5, 7, '2026-01-02T03:04:05Z'),
      ('${day}', 'c', NULL, 9007199254740993, NULL), ('2026-01-03', 'd', 123456789012345678.5, 1, NULL)`);
  });
  afterAll(async () => {
    await postgres?.stop();
    vi.unstubAllEnvs();
  });

  const ofDay = { params: ({ day: of }: { day: string }) => [of] };

  it('answers rows as JSON, numbers that JSON cannot hold as text', async () => {
    const found = await run(warehouse, 'SELECT shop, sum, n, at FROM sales WHERE day = $1 ORDER BY shop', ofDay);
    expect(found).toEqual({
      rows: [
        { shop: "a'b", sum: 1.5, n: 7, at: '2026-01-02T03:04:05.000Z' },
        { shop: 'c', sum: null, n: '9007199254740993', at: null },
      ],
    });
    expect(await run(warehouse, "SELECT sum FROM sales WHERE shop = 'd'", { as: 'row' })).toEqual({
      sum: '123456789012345678.5',
    });
  });

  it('answers the one row, and fails where there is none or another', async () => {
    expect(await run(warehouse, 'SELECT count(*) AS n FROM sales WHERE day = $1', { ...ofDay, as: 'row' })).toEqual({
      n: 2,
    });
    for (const query of ['SELECT * FROM sales WHERE false', 'SELECT * FROM sales']) {
      await expect(run(warehouse, query, { as: 'row' })).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
    }
  });

  it('answers any number of rows as Parquet, with the types of the columns', async () => {
    const query =
      'SELECT day, shop, sum::float8 AS "the ""sum", n, at, n > 5 AS big FROM sales WHERE day = $1 ORDER BY shop';
    const { table, rows } = (await run(warehouse, query, { ...ofDay, as: 'parquet' })) as {
      table: Artifact;
      rows: number;
    };
    expect([rows, table.mediaType]).toEqual([2, 'application/vnd.apache.parquet']);
    expect(await read(table)).toEqual({
      rows: [
        {
          day: expect.stringContaining(day) as string,
          shop: "a'b",
          'the "sum': 1.5,
          n: 7,
          at: '2026-01-02T03:04:05.000Z',
          big: true,
        },
        { day: expect.anything() as string, shop: 'c', 'the "sum': null, n: '9007199254740993', at: null, big: true },
      ],
      types: {
        day: 'DATE',
        shop: 'VARCHAR',
        'the "sum': 'DOUBLE',
        n: 'BIGINT',
        at: 'TIMESTAMP WITH TIME ZONE',
        big: 'BOOLEAN',
      },
    });
    const many = (await run(warehouse, 'SELECT generate_series(1, 23456) AS i', { as: 'parquet' })) as {
      table: Artifact;
      rows: number;
    };
    expect(many.rows).toBe(23_456);
    const none = (await run(warehouse, 'SELECT shop, n FROM sales WHERE false', { as: 'parquet' })) as {
      table: Artifact;
    };
    expect(await read(none.table)).toEqual({ rows: [], types: { shop: 'VARCHAR', n: 'BIGINT' } });
  });

  it('never has its values taken for SQL', async () => {
    const said = "'; DROP TABLE sales; --";
    expect(await run(warehouse, 'SELECT $1::text AS said', { params: () => [said], as: 'row' })).toEqual({ said });
    expect(await count()).toBe(3);
  });

  it.each([
    'WITH gone AS (DELETE FROM sales RETURNING shop) SELECT * FROM gone',
    'SELECT 1; COMMIT; DELETE FROM sales',
    'SELECT * FROM no_such_table',
    "SELECT 'x'::int",
  ])('that may only read is refused by the server: %s', async (query) => {
    for (const as of ['rows', 'parquet'] as const) {
      await expect(run(warehouse, query, { as })).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    }
    expect(await count()).toBe(3);
  });

  it('changes rows where it may, as a whole or not at all', async () => {
    const insert = "INSERT INTO sales (day, shop) SELECT $1::date, unnest(ARRAY['e', 'f']) ON CONFLICT DO NOTHING";
    expect(await run(warehouse, insert, { ...ofDay, writes: true })).toEqual({ changed: 2 });
    await expect(run(warehouse, 'DELETE FROM sales; SELECT 1', { writes: true })).rejects.toMatchObject({
      code: 'USER_QUERY_REFUSED',
    });
    await expect(
      run(warehouse, "INSERT INTO sales (shop) VALUES ('g'), ('a''b')", { writes: true }),
    ).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    expect(await run(warehouse, "DELETE FROM sales WHERE shop IN ('e', 'f')", { writes: true })).toEqual({
      changed: 2,
    });
    expect(await count()).toBe(3);
  });

  it('ends its query when it is cancelled', async () => {
    const running = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'FETCH%' AND state = 'active'";
    const active = async () => (await postgres.run(running))[0]?.['n'];
    const asked = run(warehouse, 'SELECT count(*) FROM generate_series(1, 1000000000000)');
    asked.catch(() => undefined);
    await expect.poll(active).toBe(1);
    context.cancel(new Error('cancelled'));
    await expect(asked).rejects.toThrow('cancelled');
    await expect.poll(active).toBe(0);
  });

  it('is tried again while the server is away, and its password is in no error', async () => {
    vi.stubEnv('EVERTRAIN_TEST_PASSWORD', 'not the one');
    const wrong: unknown = await run(warehouse, 'SELECT 1').catch((error: unknown) => error);
    vi.stubEnv('EVERTRAIN_TEST_PASSWORD', postgres.password);
    await postgres.kill();
    const away: unknown = await run(warehouse, 'SELECT 1').catch((error: unknown) => error);
    await postgres.restart();
    expect([wrong, away]).toMatchObject([{ code: 'USER_QUERY_REFUSED' }, { code: 'SYSTEM_SERVER_UNREACHABLE' }]);
    for (const error of [wrong, away] as Error[]) {
      const text = JSON.stringify([error, error.message, error.stack, String(error.cause)]);
      for (const secret of [postgres.password, 'not the one']) expect(text).not.toContain(secret);
    }
  });
});

describe('a step in DuckDB', () => {
  it('is given artifacts as paths, and answers artifacts', async () => {
    await writeFile(join(folder, 'x.csv'), 'x,y\n1,a\n2,b\n3,c\n');
    const table = await context.artifacts.putFile(join(folder, 'x.csv'));
    const params: Options['params'] = ({ table: of, day: from }) => [of as Artifact, from.length - 8];
    const query = 'SELECT x, y FROM read_csv($1) WHERE x >= $2 -- the rest';
    expect(await run(files, query, { params }, table)).toEqual({
      rows: [
        { x: 2, y: 'b' },
        { x: 3, y: 'c' },
      ],
    });
    const made = (await run(files, query, { params, as: 'parquet' }, table)) as { table: Artifact; rows: number };
    expect(made.rows).toBe(2);
    expect((await read(made.table)).rows).toEqual([
      { x: 2, y: 'b' },
      { x: 3, y: 'c' },
    ]);
  });

  it('changes a database only where it may', async () => {
    const file = join(folder, 'some.duckdb');
    const some = connection('some', { kind: 'duckdb', file });
    expect(await run(some, 'CREATE TABLE t AS SELECT unnest([1, 2, 3]) AS x', { writes: true })).toEqual({
      changed: 0,
    });
    await expect(run(some, 'WITH y AS (SELECT 1) DELETE FROM t')).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    expect(await run(some, 'DELETE FROM t WHERE x = $1', { params: () => [2], writes: true })).toEqual({ changed: 1 });
    expect(await run(some, 'SELECT count(*) AS n FROM t', { as: 'row' })).toEqual({ n: 2 });
  });

  it.each([
    "SELECT 1) TO 'FOLDER/out.csv'; --",
    "SELECT 1; COPY (SELECT 1) TO 'FOLDER/out.csv'",
    'SELECT * FROM no_such_table',
  ])('that does more than read, or has an error, is refused: %s', async (query) => {
    for (const as of ['rows', 'parquet'] as const) {
      const asked = run(files, query.replace('FOLDER', folder), { as });
      await expect(asked).rejects.toMatchObject({ code: 'USER_QUERY_REFUSED' });
    }
    expect(existsSync(join(folder, 'out.csv'))).toBe(false);
  });

  it('of too many rows is refused, but for Parquet', async () => {
    const query = 'SELECT unnest(range(1001)) AS i';
    await expect(run(files, query)).rejects.toMatchObject({ code: 'USER_PAYLOAD_TOO_LARGE' });
    expect(await run(files, query, { as: 'parquet' })).toMatchObject({ rows: 1_001 });
  });

  it('ends its query when it is cancelled', async () => {
    const asked = run(files, 'SELECT count(*) FROM range(10000000000) a, range(1000) b');
    context.cancel(new Error('cancelled'));
    await expect(asked).rejects.toThrow('cancelled');
  });
});

describe('implementSql', () => {
  const some = (query: string, options?: object) => () => implementSql(asks, files, query, options);

  it.each<[string, () => unknown]>([
    ['a query that writes', some('DELETE FROM t')],
    ['no query', some(' ')],
    ['a statement that writes and answers rows', some('DELETE FROM t', { writes: true, as: 'rows' })],
    ['an answer of no known kind', some('SELECT 1', { as: 'csv' })],
    ['places for values without values', some('SELECT $1')],
    ['an unknown option', some('SELECT 1', { param: [1] })],
    ['a connection by its name', () => implementSql(asks, 'files' as never, 'SELECT 1')],
    [
      'a server for a database',
      () => implementSql(asks, connection('a', { kind: 'http', url: 'http://a' }) as never, 'SELECT 1'),
    ],
  ])('refuses where it is written: %s', (_what, make) => {
    expect(make).toThrow(expect.objectContaining({ code: expect.stringMatching(/^USER_OPTION_/) as string }) as Error);
  });

  it('refuses a value of the wrong type before it asks', async () => {
    for (const value of [undefined, Number.NaN, {}, [1], new Date()]) {
      const asked = run(files, 'SELECT $1', { params: () => [value as never] });
      await expect(asked).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    }
  });

  it('has another fingerprint for another query, database or values', async () => {
    const other = connection('other', { kind: 'duckdb', file: 'x' });
    const made = [
      implementSql(asks, files, 'SELECT $1', { params: () => [1] }),
      implementSql(asks, files, 'SELECT $1', { params: () => [2] }),
      implementSql(asks, files, 'SELECT  $1', { params: () => [1] }),
      implementSql(asks, other, 'SELECT $1', { params: () => [1] }),
      implementSql(asks, files, 'SELECT $1', { params: () => [1], as: 'row' }),
    ];
    const prints = await Promise.all(made.map((one) => one.fingerprint()));
    expect(new Set(prints).size).toBe(made.length);
  });
});
