import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DriftProject, type DriftTables, driftProject } from './drift-project.js';

let project: DriftProject;
beforeAll(async () => {
  project = await driftProject();
});
afterAll(() => project.remove());

const rows = (count: number, columns: string) => `SELECT ${columns} FROM range(${count}) AS t(i)`;
/** Spread evenly over 0 to 1, in no order. */
const even = '((i * 0.6180339887498949) % 1)::DOUBLE';
const single = async (tables: DriftTables) => (await project.check(tables)).features[0];

interface Scipy {
  readonly two_sample: readonly { one: number[]; other: number[]; statistic: number; p: number }[];
  readonly contingency: readonly { reference: number[]; window: number[]; statistic: number; p: number }[];
}
const scipy = JSON.parse(
  readFileSync(new URL('../../../fixtures/statistics/scipy.json', import.meta.url), 'utf8'),
) as Scipy;

/** The sum over cells, as the definition says. */
function stability(reference: readonly number[], window: readonly number[]): number {
  const added = reference.length / 2;
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
  return reference.reduce((sum, count, i) => {
    const p = (count + 0.5) / (total(reference) + added);
    const q = ((window[i] ?? 0) + 0.5) / (total(window) + added);
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

describe('model.check-drift measures', () => {
  it("numbers by SciPy's two-sample Kolmogorov–Smirnov test", async () => {
    for (const { one, other, statistic, p } of scipy.two_sample) {
      const table = (values: number[]) => `SELECT unnest([${values.join(', ')}])::DOUBLE AS x`;
      const report = await project.check({ reference: table(one), window: table(other) }, { minRows: 30 });
      expect(report.features[0]).toMatchObject({
        statistic: Number(statistic.toPrecision(4)),
        pValue: Number(p.toPrecision(4)),
      });
    }
  });

  it("categories by SciPy's test of homogeneity, the rare ones together", async () => {
    for (const { reference, window, statistic, p } of scipy.contingency) {
      const table = (counts: number[]) =>
        counts.map((count, i) => rows(count, `'${String.fromCharCode(97 + i)}' AS x`)).join(' UNION ALL ');
      expect(await single({ reference: table(reference), window: table(window) })).toMatchObject({
        kind: 'category',
        statistic: Number(statistic.toPrecision(4)),
        pValue: Number(p.toPrecision(4)),
      });
    }
  });

  it("how numbers are spread over the reference's deciles", async () => {
    // Deciles 100, 200 … 900; the window has 1 to 500 twice.
    const found = await single({ reference: rows(1_000, 'i + 1 AS x'), window: rows(1_000, 'i % 500 + 1 AS x') });
    const expected = stability(Array<number>(10).fill(100), [
      ...Array<number>(5).fill(200),
      ...Array<number>(5).fill(0),
    ]);
    expect(found?.psi).toBe(Number(expected.toPrecision(4)));
    expect(found?.statistic).toBe(0.5);
  });

  it('a value that fills a decile or more by itself, and what lies beside it', async () => {
    const reference = rows(1_000, 'CASE WHEN i < 600 THEN 0 ELSE i END AS x');
    const window = rows(1_000, 'CASE WHEN i < 300 THEN 0 WHEN i < 500 THEN -1 ELSE i END AS x');
    // Below 0, 0 itself, and to each of the deciles 699, 799, 899; above the last.
    const expected = stability([0, 600, 100, 100, 100, 100], [200, 300, 200, 100, 100, 100]);
    expect((await single({ reference, window }))?.psi).toBe(Number(expected.toPrecision(4)));
  });

  it('words, which are new and which not', async () => {
    const reference = rows(900, "['a', 'b', 'c'][i % 3 + 1] AS x");
    const found = await single({ reference, window: rows(900, "['a', 'b', 'c', 'd', 'e'][i % 5 + 1] AS x") });
    expect(found).toMatchObject({ newCategories: 2, isDrifted: true });
    expect(found?.psi).toBe(Number(stability([300, 300, 300, 0, 0], [180, 180, 180, 180, 180]).toPrecision(4)));
  });
});

describe('model.check-drift decides', () => {
  it('that a small difference is none, however many rows prove it', async () => {
    const report = await project.check({
      reference: rows(100_000, `${even} AS x`),
      window: rows(100_000, `${even} ** 1.1 AS x`),
    });
    expect(report).toMatchObject({ isDrifted: false, reason: 'no drift in 1 features' });
    expect(report.features[0]?.pValue).toBeLessThan(1e-50);
  });

  it('what effect and level are needed, by the rules', async () => {
    const tables = { reference: rows(1_000, `${even} AS x`), window: rows(1_000, `${even} ** 1.5 AS x`) };
    expect(await project.check(tables)).toMatchObject({ isDrifted: false });
    const sharper = await project.check(tables, { psi: 0.1 });
    expect(sharper).toMatchObject({ isDrifted: true, quality: { drifted: 1, tests: 1, level: 0.02 } });
    expect(await project.check(tables, { psi: 0.1, alpha: 1e-20 })).toMatchObject({ isDrifted: false });
    expect(await project.check(tables, { psi: 0.1, ignore: ['x'] })).toMatchObject({
      ...{ isDrifted: false, reason: 'no column to judge', features: [] },
    });
  });

  it('that many cells more are missing, NaN too', async () => {
    const report = await project.check({
      reference: rows(1_000, `${even} AS a, CASE WHEN i % 20 > 0 THEN ${even} END AS b, 'x' AS c`),
      window: rows(
        500,
        `CASE WHEN i % 4 > 0 THEN ${even} ELSE 'NaN' END AS a, CASE WHEN i % 8 > 0 THEN ${even} END AS b, 'x' AS c`,
      ),
    });
    expect(report.reason).toBe('1 of 3 features have drifted: "a" (25 % missing, 0 % in the reference)');
    expect(report.features[0]).toMatchObject({ name: 'a', missing: 0.25, referenceMissing: 0, isDrifted: true });
    expect(report.features.find(({ name }) => name === 'b')).toMatchObject({ missing: 0.126, referenceMissing: 0.05 });
    expect(report.quality).toMatchObject({ missingRatio: 0.1253, referenceMissingRatio: 0.01667, tests: 5 });
  });

  it('on predictions too, with the features, and not on what else the log adds', async () => {
    const window = rows(
      400,
      `${even} AS x, 'v' || i AS version, now() AS at, CASE WHEN i < 300 THEN 'no' ELSE 'yes' END AS prediction`,
    );
    const reference = rows(400, `${even} AS x, 'v' AS version, i % 2 AS bought`);
    const predictions = (column: string) => rows(400, `CASE WHEN i < 100 THEN 'no' ELSE 'yes' END AS ${column}`);
    const report = await project.check({ reference, window, referencePredictions: predictions('prediction') });
    expect(report).toMatchObject({
      isDrifted: true,
      reason: 'the prediction has drifted (PSI 1.09 > 0.2)',
      prediction: { name: 'prediction', kind: 'category', isDrifted: true },
      quality: { judged: 1, drifted: 0, absent: 1, notJudged: 0, tests: 2 },
      notes: ['not in the window: "bought"'],
    });
    expect(report.features.map(({ name }) => name)).toEqual(['x']);
    const other = await project.check({ reference, window, referencePredictions: predictions('predicted') });
    expect(other.prediction?.psi).toBe(report.prediction?.psi);
    expect(await project.check({ reference, window })).toMatchObject({ isDrifted: false });
    const unnamed = await project.check({ reference, window, referencePredictions: predictions('said') });
    expect(unnamed.notes).toContain('no such column in the reference\'s predictions: "prediction"');
    expect(unnamed.prediction).toBeUndefined();
  });

  it('nothing from too few rows on either side', async () => {
    const [many, few] = [rows(300, 'i AS x'), rows(30, 'i + 1000 AS x')];
    expect(await project.check({ reference: many, window: few })).toMatchObject({
      rows: 30,
      referenceRows: 300,
      isDrifted: false,
      reason: 'too few rows: 30 of 200',
      features: [],
      quality: { judged: 0, tests: 0 },
    });
    expect((await project.check({ reference: few, window: many })).reason).toBe(
      'too few rows of the reference: 30 of 200',
    );
    expect((await project.check({ reference: many, window: few }, { minRows: 30 })).isDrifted).toBe(true);
    expect((await project.check({ reference: many, window: rows(0, 'i AS x') })).reason).toBe('too few rows: 0 of 200');
  });
});
