import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestTable } from '../../../activities/data/ingest.js';
import { joinTables } from '../../../activities/data/join.js';
import { literal, rowsOf, withDuckdb } from '../../../activities/data/table-query.js';
import { tabularActivities } from '../../../activities/tabular.js';
import { ingest, join as joined, split } from '../../../workflows/pipelines/tabular/contracts.js';
import type { Artifact } from '../../../workflows/sdk/artifact.js';
import { type PlainActivities, plainActivities } from '../../support/plain-activities.js';

let plain: PlainActivities;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evertrain-tabular-'));
  plain = await plainActivities([ingestTable, joinTables, ...tabularActivities]);
});
afterAll(async () => {
  await plain?.close();
  await rm(folder, { recursive: true, force: true });
});

let files = 0;
async function table(...lines: string[]): Promise<Artifact> {
  const source = join(folder, `${++files}.csv`);
  await writeFile(source, `${lines.join('\n')}\n`);
  return (await plain.run(ingest, { source })).table;
}

async function rowsIn(artifact: Artifact): Promise<Record<string, unknown>[]> {
  const path = literal(await plain.store.materialize(artifact));
  return withDuckdb((connection) => rowsOf(connection, `SELECT * FROM read_parquet(${path})`));
}

/** What is held out, as the values of a column. */
async function heldOut(of: Artifact, column: string, key: string[]): Promise<unknown[]> {
  const { test } = await plain.run(split, { table: of, testShare: 0.3, key });
  return (await rowsIn(test)).map((row) => row[column]);
}

describe('table.split', () => {
  const numbers = Array.from({ length: 400 }, (_, i) => i);
  const line = (n: number) => `${n},${n % 7},w${n % 5}`;

  it('holds out about the share that is asked for, and trains on the others', async () => {
    const { train, test, ...counts } = await plain.run(split, {
      table: await table('n,a,b', ...numbers.map(line)),
      testShare: 0.3,
      key: ['n', 'a', 'b'],
    });
    expect(counts.testRows).toBeGreaterThan(90);
    expect(counts.testRows).toBeLessThan(150);
    const all = [...(await rowsIn(train)), ...(await rowsIn(test))].map(({ n }) => Number(n));
    expect(all.sort((one, other) => one - other)).toEqual(numbers);
  });

  it('never trains on a row that was held out before, whatever comes with it', async () => {
    const key = ['n', 'a', 'b'];
    const before = await heldOut(await table('n,a,b', ...numbers.slice(0, 200).map(line)), 'n', key);
    // Later, in another order of rows and columns, and whole numbers are floats, as one of them is missing.
    const later = numbers.map((n) => `w${n % 5},${n % 7},${n}.0`).reverse();
    const after = await heldOut(await table('b,a,n', ...later, 'w1,,5000'), 'n', [...key].reverse());
    expect(before.length).toBeGreaterThan(40);
    expect(after.filter((n) => Number(n) < 200).reverse()).toEqual(before);
  });

  it('keeps rows of one key together', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `${i % 20},${i}`);
    const days = await heldOut(await table('day,n', ...lines), 'day', ['day']);
    expect(days.length).toBe(5 * new Set(days).size);
  });

  it.each<[string, string[], RegExp]>([
    ['a key that is no column', ['m'], /no column m; it has n, a, b/],
    ['a key that all rows share', ['a'], /of 2 rows [02] would be held out/],
  ])('refuses %s', async (_, key, message) => {
    const run = plain.run(split, { table: await table('n,a,b', '1,0,x', '2,0,y'), testShare: 0.5, key });
    await expect(run).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('data.join', () => {
  it('puts tables one after the other, by the names of their columns', async () => {
    const tables = [await table('a,b', '1,x', '2,y'), await table('b,a', 'z,3.5'), await table('a,c', '4,0')];
    const { table: one, rows } = await plain.run(joined, { tables });
    expect(rows).toBe(4);
    expect(await rowsIn(one)).toEqual([
      { a: 1, b: 'x', c: null },
      { a: 2, b: 'y', c: null },
      { a: 3.5, b: 'z', c: null },
      { a: 4, b: null, c: 0 },
    ]);
  });
});
