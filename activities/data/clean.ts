import { join } from 'node:path';
import { clean } from '../../workflows/pipelines/tabular/contracts.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { implement } from '../sdk/implement.js';
import { breaks, identifier, literal, rowsOf, withDuckdb } from './table-query.js';

/** Keeps the expected columns of a Parquet table, and of its rows those that break no rule, in their order. */
export const cleanTable = implement(clean, async ({ table, columns, complete }, { artifacts, workDir, log }) => {
  const from = `read_parquet(${literal(await artifacts.path(table))})`;
  const target = join(workDir, 'table.parquet');
  const faults = [
    ...Object.entries(columns).flatMap(([name, rule]) => breaks(name, rule) ?? []),
    ...complete.map((name) => `${identifier(name)} IS NULL`),
  ];
  const kept = faults.map((fault) => `(${fault}) IS NOT true`).join(' AND ') || 'true';
  const names = Object.keys(columns).map(identifier).join(', ');
  return withDuckdb(async (connection) => {
    await connection.run(`COPY (SELECT ${names} FROM ${from} WHERE ${kept}) TO ${literal(target)} (FORMAT parquet)`);
    const [counted = {}] = await rowsOf(
      connection,
      `SELECT count(*) AS rows, count(*) FILTER (${kept}) AS kept FROM ${from}`,
    );
    const [all, rows] = [Number(counted['rows']), Number(counted['kept'])];
    if (rows === 0) {
      throw new EvertrainError('USER_DATA_MALFORMED', `None of the ${all} rows is complete and plausible.`, {
        value: complete,
        remedy: 'Look at the facts of data.validate; correct the data, or the rules of the pipeline.',
      });
    }
    log.info(`kept ${rows} of ${all} rows`);
    return { table: await artifacts.putFile(target), rows, dropped: all - rows };
  });
});
