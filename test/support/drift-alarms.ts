import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { literal, withDuckdb } from '../../activities/data/table-query.js';
import { checkDriftStep } from '../../activities/monitoring/check-drift.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { type ColumnDrift, type DriftReport, DriftRules } from '../../workflows/sdk/model/drift.js';
import { testContext, type TestContext } from './step-context.js';

export interface DriftSizes {
  readonly referenceRows: number;
  readonly rows: number;
  readonly features: number;
}

/** Of checks of two samples of one population: how many said that anything has drifted. */
export interface DriftAlarms {
  readonly checks: number;
  readonly alarms: readonly string[];
  /** How many would have said so by the index alone, and by corrected p-values alone. */
  readonly byIndexAlone: number;
  readonly byTestsAlone: number;
  /** Share of tests of features with a p-value below 0.05. */
  readonly below5Percent: number;
}

const atOnce = 4;
const normal = 'sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())';

/** Columns as they are: smooth, skewed, tied, constant, missing here and there, infinite, words few, many and rare. */
const kinds: readonly string[] = [
  normal,
  '-ln(1 - random())',
  'floor(5 * random() ** 2)::INTEGER',
  'CASE WHEN random() < 0.9 THEN 0 ELSE random() END',
  'random() < 0.3',
  "'kind ' || floor(3 * random())::INTEGER",
  "'word ' || least(floor(random() ** -0.7), 1e9)::INTEGER % 300",
  "'rare ' || floor(2000 * random() ** 2)::INTEGER",
  `CASE WHEN random() < 0.8 THEN ${normal} END`,
  '(random() < 0.02)::INTEGER',
  `exp(3 * (${normal}))::DECIMAL(18, 2)`,
  '7',
  'tan(pi() * (random() - 0.5)) / (random() > 0.01)::INTEGER',
  "CASE WHEN random() < 0.95 THEN 'is ' || (random() < 0.5) END",
  "CASE WHEN random() < 0.5 THEN 'NaN'::DOUBLE ELSE round(random(), 1) END",
  "CASE WHEN random() < 0.999 THEN 'usual' ELSE 'unusual' END",
  '(100 * random())::INTEGER',
  'random() + random() + random()',
  'chr(97 + floor(26 * random())::INTEGER)',
  'round(random() ** 4, 2)::FLOAT',
];

/** For each seed a reference, a window and the reference's predictions, drawn from one population by that seed alone. */
export async function driftAlarms(seeds: readonly number[], sizes: DriftSizes): Promise<DriftAlarms> {
  const context = await testContext();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-alarms-'));
  try {
    const reports: [number, DriftReport][] = [];
    for (let i = 0; i < seeds.length; i += atOnce) {
      const some = seeds.slice(i, i + atOnce);
      const found = await Promise.all(some.map((seed) => checked(context, folder, seed, sizes)));
      reports.push(...found.map((report, k): [number, DriftReport] => [some[k] ?? 0, report]));
    }
    return summary(reports);
  } finally {
    await context.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

async function checked(
  context: TestContext,
  folder: string,
  seed: number,
  { referenceRows, rows, features }: DriftSizes,
): Promise<DriftReport> {
  // With few features, other kinds by other seeds.
  const columns = Array.from({ length: features }, (_, i) => `${kinds[(seed + i) % kinds.length]} AS feature_${i}`);
  const prediction = `${seed % 2 === 0 ? normal : "'class ' || floor(4 * random())::INTEGER"} AS prediction`;
  const tables = await withDuckdb(async (connection) => {
    const table = async (number: number, count: number, of: readonly string[]): Promise<Artifact> => {
      const path = join(folder, `${seed}-${number}.parquet`);
      const sql = `SELECT ${drawn(of.join(', '))} FROM range(${count}) AS rows(i)`;
      await connection.run(`CREATE OR REPLACE MACRO draw(i, number) AS ${draw(4 * seed + number)}`);
      await connection.run(`COPY (${sql}) TO ${literal(path)} (FORMAT parquet)`);
      const artifact = await context.artifacts.putFile(path);
      await rm(path);
      return artifact;
    };
    return {
      reference: await table(0, referenceRows, columns),
      window: await table(1, rows, [...columns, prediction]),
      referencePredictions: await table(2, referenceRows, [prediction]),
    };
  });
  return (await checkDriftStep.run({ ...tables, rules: DriftRules.parse({}) }, context)) as DriftReport;
}

/**
 * A number in [0, 1) that row, table and the draw's number decide: two rounds of a hash. Not DuckDB's own random(), whose
 * streams by nearby seeds were found to be alike.
 */
function draw(table: number): string {
  return `(hash(xor(hash(i + ${2 ** 32 * table}), number::UBIGINT)) >> 11)::DOUBLE / ${2 ** 53}`;
}

function drawn(sql: string): string {
  let number = 0;
  return sql.replaceAll('random()', () => `draw(i, ${number++})`);
}

function summary(reports: readonly (readonly [seed: number, report: DriftReport])[]): DriftAlarms {
  const of = ({ features, prediction }: DriftReport): ColumnDrift[] => [
    ...features,
    ...(prediction === undefined ? [] : [prediction]),
  ];
  const columns = reports.map(([, report]) => ({ level: report.quality.level, columns: of(report) }));
  const tested = columns.flatMap((report) => report.columns.flatMap(({ pValue }) => pValue ?? []));
  return {
    checks: reports.length,
    alarms: reports.flatMap(([seed, { isDrifted, reason }]) => (isDrifted ? [`seed ${seed}: ${reason}`] : [])),
    byIndexAlone: columns.filter((report) => report.columns.some(({ psi = 0 }) => psi > 0.2)).length,
    byTestsAlone: columns.filter(({ level, columns }) => columns.some(({ pValue = 1 }) => pValue < level)).length,
    below5Percent: tested.filter((pValue) => pValue < 0.05).length / tested.length,
  };
}
