import { validate } from '../../workflows/pipelines/tabular/contracts.js';
import { implement } from '../sdk/implement.js';
import { breaks, identifier, kindOf, literal, rowsOf, withDuckdb } from './table-query.js';

/** Facts about a Parquet table against expected columns; what they mean is decided by gates in the pipeline. */
export const validateTable = implement(validate, async ({ table, columns }, { artifacts }) => {
  const from = `read_parquet(${literal(await artifacts.path(table))})`;
  return withDuckdb(async (connection) => {
    const found = new Map(
      (await rowsOf(connection, `DESCRIBE SELECT * FROM ${from}`)).map((row) => [
        String(row['column_name']),
        kindOf(String(row['column_type'])) === 'number' ? 'number' : 'text',
      ]),
    );
    const expected = Object.entries(columns);
    const wrongColumns = expected.filter(([name, { type }]) => found.get(name) !== type).map(([name]) => name);
    const usable = expected.filter(([name]) => !wrongColumns.includes(name));
    const counts = usable.flatMap(([name, rule], i) => [
      `count(*) FILTER (${identifier(name)} IS NULL) AS missing_${i}`,
      `count(*) FILTER (${breaks(name, rule) ?? 'false'}) AS out_${i}`,
    ]);
    const [row = {}] = await rowsOf(connection, `SELECT ${['count(*) AS rows', ...counts].join(', ')} FROM ${from}`);
    const [distinct = {}] = await rowsOf(connection, `SELECT count(*) AS rows FROM (SELECT DISTINCT * FROM ${from})`);
    const rows = Number(row['rows']);
    const missing = Object.fromEntries(usable.map(([name], i) => [name, Number(row[`missing_${i}`])]));
    const missingCells = Object.values(missing).reduce((sum, count) => sum + count, 0);
    return {
      rows,
      wrongColumns,
      missing,
      missingRatio: usable.length === 0 ? 1 : missingCells / (rows * usable.length),
      outOfRange: usable.reduce((sum, _, i) => sum + Number(row[`out_${i}`]), 0),
      duplicates: rows - Number(distinct['rows']),
    };
  });
});
