import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { literal, withDuckdb } from '../../../../activities/data/table-query.js';
import { compareScoresStep } from '../../../../activities/evaluation/compare-scores.js';
import type { Artifact } from '../../../../workflows/sdk/artifact.js';
import { testContext, type TestContext } from '../../../support/step-context.js';

let context: TestContext;
let folder: string;

beforeEach(async () => {
  context = await testContext();
  await mkdir(context.workDir, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'evertrain-compare-'));
});
afterEach(async () => {
  await context.remove();
  await rm(folder, { recursive: true, force: true });
});

/** A query's answer as a Parquet artifact. */
async function parquet(sql: string): Promise<Artifact> {
  const path = join(folder, `${Math.random()}.parquet`);
  await withDuckdb((db) => db.run(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`));
  return context.artifacts.putFile(path);
}
const csv = (text: string) => context.artifacts.putBytes(Buffer.from(text), 'text/csv');
const numbers = (count: number, columns: string) => `SELECT ${columns} FROM range(${count}) AS t(i)`;

interface Options {
  readonly direction?: 'maximize' | 'minimize';
  readonly threshold?: number;
  readonly confidence?: number;
}
async function compare(
  challenger: string | Artifact,
  champion: string | Artifact,
  metric: string,
  options: Options = {},
) {
  const table = async (from: string | Artifact) => (typeof from === 'string' ? parquet(from) : from);
  const input = { challenger: await table(challenger), champion: await table(champion), metric };
  return (await compareScoresStep.run(
    { direction: 'maximize', threshold: 0, confidence: 0.95, ...options, ...input },
    context,
  )) as Record<string, number | boolean>;
}
async function refused(work: Promise<unknown>, ...texts: string[]): Promise<void> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'USER_DATA_MALFORMED', remedy: expect.stringMatching(/./) as string });
  for (const text of texts) expect((error as Error).message).toContain(text);
}

describe('model.compare-scores', () => {
  it('compares group by group where one of the tables tells the groups', async () => {
    const day = (i: string) => `'day ' || (${i} // 20)`;
    const worse = numbers(400, 'i AS truth, i + 3.0 AS predicted');
    const better = numbers(400, `i AS truth, i + CASE WHEN (i // 20) % 2 = 0 THEN 2.0 ELSE 3.5 END AS predicted`);
    const grouped = better.replace('i AS truth', `i AS truth, ${day('i')} AS "group"`);
    const rows = await compare(better, worse, 'mae', { direction: 'minimize' });
    const [one, both] = [
      await compare(grouped, worse, 'mae', { direction: 'minimize' }),
      await compare(worse, grouped, 'mae', { direction: 'minimize' }),
    ];
    expect([rows['groups'], one['groups'], both['groups']]).toEqual([undefined, 20, 20]);
    expect([rows['gain'], one['gain'], both['gain']]).toEqual([0.25, 0.25, -0.25]);
    expect([rows['isBetter'], one['isBetter']]).toEqual([true, false]);
  });

  it('compares rights and wrongs', async () => {
    const predicted = (wrong: number) =>
      numbers(200, `'c' || i % 3 AS truth, 'c' || CASE WHEN i < ${wrong} THEN 9 ELSE i % 3 END AS predicted`);
    const better = await compare(predicted(20), predicted(60), 'accuracy');
    expect(better).toMatchObject({ rows: 200, challenger: 0.9, champion: 0.7, isBetter: true });
    expect(better['gain']).toBeCloseTo(0.2, 12);
    expect(better['gainAtLeast']).toBeGreaterThan(0.12);
    expect(better['gainAtLeast']).toBeLessThan(0.2);
    expect(await compare(predicted(60), predicted(20), 'accuracy')).toMatchObject({ isBetter: false });
    expect(await compare(predicted(20), predicted(60), 'accuracy', { threshold: 0.19 })).toMatchObject({
      isBetter: false,
    });
  });

  it('compares errors, of which less is better', async () => {
    const predicted = (error: number) => numbers(100, `i AS truth, i + ${error} * (i % 2) AS predicted`);
    const options = { direction: 'minimize' } as const;
    expect(await compare(predicted(1), predicted(-2), 'mae', options)).toMatchObject({
      ...{ challenger: 0.5, champion: 1, gain: 0.5, isBetter: true },
    });
    const rmse = await compare(predicted(1), predicted(-2), 'rmse', options);
    expect(rmse['challenger']).toBeCloseTo(Math.sqrt(0.5), 12);
    expect(rmse['champion']).toBeCloseTo(Math.sqrt(2), 12);
    expect(rmse).toMatchObject({ isBetter: true });
  });

  it("takes a column of the metric's name for the score, also of one that it could derive", async () => {
    const own = numbers(10, '1 AS truth, 0 AS predicted, i AS accuracy, i % 2 = 0 AS "is ""right""", 2 AS rmse');
    expect(await compare(own, own, 'accuracy')).toMatchObject({
      challenger: 4.5,
      gain: 0,
      gainAtLeast: 0,
      isBetter: false,
    });
    expect(await compare(own, own, 'is "right"')).toMatchObject({ challenger: 0.5 });
    expect(await compare(own, own, 'rmse')).toMatchObject({ challenger: 2 });
    await refused(compare(own, numbers(10, '1 AS truth, 0 AS predicted'), 'rmse'), 'the two do not compare');
  });

  it('answers the same for the same seed in every attempt', async () => {
    const [one, other] = [numbers(50, 'i * 37 % 50 AS s'), numbers(50, 'i * 11 % 50 AS s')];
    const first = await compare(one, other, 's');
    context = context.nextAttempt();
    expect(await compare(one, other, 's')).toEqual(first);
  });

  it('keeps the order of rows of a large table', async () => {
    const table = numbers(300_000, 'i AS truth, i::DOUBLE AS s');
    expect(await compare(table, table, 's')).toMatchObject({ rows: 300_000, gain: 0, gainAtLeast: 0, isBetter: false });
  });

  it('reads CSV, and takes one truth for the same however it is written', async () => {
    const text = await csv('truth,predicted\n1,1\n0,0\n1,0\n0,0\n1,1\n0,1\n');
    const bools = numbers(6, '(i % 2 = 0) AS truth, (i % 2 = 0) AS predicted');
    const doubles = numbers(6, '(1 - i % 2)::DOUBLE AS truth, 1 AS predicted');
    const words = numbers(6, '(1 - i % 2)::VARCHAR AS truth, (1 - i % 2)::VARCHAR AS predicted');
    expect(await compare(text, doubles, 'accuracy')).toMatchObject({ rows: 6, challenger: 4 / 6, champion: 0.5 });
    expect(await compare(words, doubles, 'accuracy')).toMatchObject({ challenger: 1 });
    expect(await compare(words.replaceAll('VARCHAR', 'FLOAT'), doubles, 'accuracy')).toMatchObject({ challenger: 1 });
    const pythons = await csv(
      'truth,predicted\n"True",True\nFalse,False\nTrue,True\nFalse,False\nTrue,True\nFalse,maybe\n',
    );
    expect(await compare(pythons, bools, 'accuracy')).toMatchObject({ challenger: 5 / 6, champion: 1 });
  });

  it('refuses tables of other rows, and says which', async () => {
    const table = (rows: number, truth = 'i') => numbers(rows, `${truth} AS truth, 1 AS s`);
    await refused(compare(table(10), table(9), 's'), 'scored on 10 rows, the champion on 9');
    await refused(
      compare(table(10), table(10, 'CASE WHEN i >= 6 THEN -i ELSE i END'), 's'),
      'in 4 of 10 rows, first in row 7',
    );
    await refused(compare(table(10), table(10, 'nullif(i, 3)'), 's'), 'first in row 4');
    await refused(compare(table(0), table(0), 's'), 'no rows');
    await refused(compare(table(3), await csv('s\n'), 's'), "champion's", 'no rows');
    expect(await compare(table(10), numbers(10, '1 AS s'), 's')).toMatchObject({ rows: 10 });
  });

  it('refuses rows without a finite score', async () => {
    const gap = (value: string) => numbers(10, `CASE WHEN i IN (4, 6) THEN ${value} ELSE i END AS s`);
    for (const value of ['NULL', "'NaN'::DOUBLE", "'Infinity'::DOUBLE"]) {
      await refused(compare(gap('0'), gap(value), 's'), "The champion's", 'in 2 of 10 rows, first in row 5');
    }
    await refused(
      compare(numbers(5, 'i AS truth, nullif(i, 2) AS predicted'), gap('0').replace('(10)', '(5)'), 'accuracy'),
      'neither',
    );
    const missing = numbers(5, 'i AS truth, nullif(i, 2) AS predicted');
    await refused(compare(missing, missing, 'accuracy'), 'first in row 3');
  });

  it('names the columns that there are when the metric is none', async () => {
    const table = numbers(5, "'a' AS truth, 'b' AS predicted, i AS confidence, 'x' AS word");
    await refused(compare(table, table, 'macroF1'), '"truth", "predicted", "confidence", "word"', 'no such column');
    await refused(compare(table, table, 'word'), 'has no numbers');
    await refused(compare(table, table, 'rmse'), 'has no numbers');
  });

  it('refuses what is no table', async () => {
    const bytes = await context.artifacts.putBytes(Buffer.from('no table'), 'application/octet-stream');
    await refused(compare(numbers(5, 'i AS s'), bytes, 's'), "The champion's table of scores (file:sha256/");
  });
});
