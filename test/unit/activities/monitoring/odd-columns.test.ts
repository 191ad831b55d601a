import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DriftProject, driftProject } from './drift-project.js';

let project: DriftProject;
beforeAll(async () => {
  project = await driftProject();
});
afterAll(() => project.remove());

const rows = (count: number, columns: string) => `SELECT ${columns} FROM range(${count}) AS t(i)`;
/** Columns of the same names on both sides: what drifted, and what is told of the rest. */
async function compared(reference: string, window: string, count = 400) {
  const { features, notes } = await project.check({ reference: rows(400, reference), window: rows(count, window) });
  return { drifted: features.filter(({ isDrifted }) => isDrifted).map(({ name }) => name), features, notes };
}

describe('model.check-drift judges', () => {
  it('constants, by being the same', async () => {
    const { drifted, features } = await compared(
      "5 AS a, 5 AS b, 'x' AS c, 'x' AS d, 5 AS e",
      "5 AS a, 3 AS b, 'x' AS c, 'y' AS d, 7 AS e",
    );
    expect(drifted.sort()).toEqual(['b', 'd', 'e']);
    expect(features.find(({ name }) => name === 'a')).toMatchObject({ psi: 0, statistic: 0, pValue: 1 });
  });

  it('columns without a value on one side or both', async () => {
    const { drifted, features, notes } = await compared(
      'i::DOUBLE AS gone, NULL::DOUBLE AS came, NULL::DOUBLE AS never, i::VARCHAR AS text',
      "'NaN'::DOUBLE AS gone, i AS came, NULL::VARCHAR AS never, NULL::INTEGER AS text",
    );
    expect(drifted.sort()).toEqual(['gone', 'text']);
    expect(features.find(({ name }) => name === 'gone')).toEqual({
      ...{ name: 'gone', kind: 'number', missing: 1, referenceMissing: 0, isDrifted: true },
      why: '100 % missing, 0 % in the reference',
    });
    expect(notes.sort()).toEqual([
      'fewer than 200 values on a side: "gone", "came", "text"',
      'no value on either side: "never"',
    ]);
  });

  it('numbers that the model was asked in 32 bits as those that they were made of', async () => {
    const steps = '(i % 9) / 10.0 + 0.194';
    const { drifted, features } = await compared(
      `(${steps})::DOUBLE AS speed, 16777216 + i AS count`,
      `(${steps})::FLOAT::DOUBLE AS speed, (16777216 + i)::FLOAT AS count`,
    );
    expect(drifted).toEqual([]);
    expect(features.map(({ psi, statistic }) => [psi, statistic])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('infinities as numbers, in finite figures', async () => {
    const { drifted, features } = await compared(
      "CASE WHEN i % 4 = 0 THEN 'inf' WHEN i % 4 = 1 THEN '-inf' ELSE i::VARCHAR END::DOUBLE AS same, i::DOUBLE AS other",
      "CASE WHEN i % 4 = 0 THEN 'inf' WHEN i % 4 = 1 THEN '-inf' ELSE i::VARCHAR END::DOUBLE AS same, '-inf'::DOUBLE AS other",
    );
    expect(drifted).toEqual(['other']);
    expect(features.every(({ psi = Number.NaN }) => Number.isFinite(psi))).toBe(true);
  });

  it('booleans, decimals, huge integers and enumerations, whoever wrote them', async () => {
    const { drifted, features, notes } = await compared(
      "i % 2 = 0 AS bool, i % 2 AS zero_one, (i / 7)::DECIMAL(18, 4) AS price, i::HUGEINT AS big, ['a', 'b'][i % 2 + 1] AS word, i AS code",
      "i % 2 = 0 AS bool, i % 2 = 0 AS zero_one, i / 7.0 AS price, i::DOUBLE AS big, ['a', 'b'][i % 2 + 1]::ENUM('b', 'a') AS word, i || '.0' AS code",
    );
    expect(drifted).toEqual([]);
    expect(notes).toEqual([]);
    expect(Object.fromEntries(features.map(({ name, kind }) => [name, kind]))).toEqual({
      ...{ bool: 'category', zero_one: 'number', price: 'number', big: 'number', word: 'category', code: 'number' },
    });
  });

  it('long texts, and names of any letters', async () => {
    const names = ['"a ""b"" \'c\'"', '"Größe in m²"', '"select; --"', '"日本"'];
    const columns = names.map((name, k) => `repeat('word ', 5000) || i % ${k + 2} AS ${name}`).join(', ');
    const { drifted, features } = await compared(columns, columns);
    expect(drifted).toEqual([]);
    expect(features.map(({ name }) => name).sort()).toEqual(['Größe in m²', 'a "b" \'c\'', 'select; --', '日本']);
  });
});

describe('model.check-drift tells without judging', () => {
  it('dates, times, nested values, and numbers that became text', async () => {
    const columns = `now() AS at_ms, DATE '2026-01-01' AS day, {'a': i} AS struct, [i] AS list, MAP {'a': i} AS map`;
    const { features, notes } = await compared(`${columns}, i AS code`, `${columns}, 'n/a' AS code`);
    expect(features).toEqual([]);
    expect(notes).toEqual([
      'dates and times are not judged: "at_ms", "day"',
      'nested values are not judged: "struct", "list", "map"',
      'numbers on one side and text on the other are not compared: "code"',
    ]);
  });

  it('ids: 100,000 distinct words, or few rows each with its own', async () => {
    const report = await project.check({
      reference: rows(100_000, "'id ' || i AS id, i % 3 AS x"),
      window: rows(100_000, "'id ' || (i + 100000) AS id, i % 3 AS x"),
    });
    expect(report).toMatchObject({ isDrifted: false, quality: { judged: 1, notJudged: 1 } });
    expect(report.notes).toEqual(['over 1,000 distinct words, as of an id: "id"']);
    const few = await compared("'id ' || i AS id", "'id ' || (i + 400) AS id");
    expect(few.drifted).toEqual([]);
    expect(few.notes).toEqual(['each of its words is too rare, as of an id: "id"']);
  });

  it('in at most 30 KB, of hundreds of columns too', async () => {
    const names = Array.from({ length: 200 }, (_, k) => `"${'日本語の長い列の名前'.repeat(9)} ${k}"`);
    const reference = rows(200, names.map((name) => `i AS ${name}`).join(', '));
    const window = rows(200, names.map((name, k) => `i ${k % 2 ? '+ 1000' : ''} AS ${name}`).join(', '));
    const report = await project.check({ reference, window });
    expect(report.quality).toMatchObject({ judged: 200, drifted: 100, tests: 200, level: 0.0001 });
    expect(report.features.length).toBeGreaterThan(20);
    expect(report.features.length).toBeLessThanOrEqual(50);
    expect(report.features.every(({ isDrifted }) => isDrifted)).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThanOrEqual(30_000);
    expect(Buffer.byteLength(report.reason)).toBeLessThan(1_000);
  });
});

describe('model.check-drift reads', () => {
  it('CSV by its media type, and refuses what is no table', async () => {
    const { artifacts } = project.context;
    const csv = `x,word\n${Array.from({ length: 300 }, (_, i) => `${i},w${i % 3}`).join('\n')}\n`;
    const window = await artifacts.putBytes(Buffer.from(csv), 'text/csv');
    const reference = rows(300, "i AS x, 'w' || i % 3 AS word");
    expect(await project.check({ reference, window })).toMatchObject({ isDrifted: false, quality: { judged: 2 } });
    const broken = await artifacts.putBytes(Buffer.from('no table'), 'application/octet-stream');
    await expect(project.check({ reference, window: broken })).rejects.toMatchObject({
      code: 'USER_DATA_MALFORMED',
      message: expect.stringContaining(`The window (${broken.uri})`) as string,
    });
    await expect(project.check({ reference: broken, window })).rejects.toMatchObject({ code: 'USER_DATA_MALFORMED' });
  });

  it('no further once it is cancelled', async () => {
    const own = await driftProject();
    try {
      own.context.cancel(new Error('the worker drains'));
      const table = rows(300, 'i AS x');
      await expect(own.check({ reference: table, window: table })).rejects.toThrow('the worker drains');
    } finally {
      await own.remove();
    }
  });
});
