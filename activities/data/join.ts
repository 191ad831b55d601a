import { join as joinPath } from 'node:path';
import { join } from '../../workflows/pipelines/tabular/contracts.js';
import { implement } from '../sdk/implement.js';
import { literal, rowsOf, withDuckdb } from './table-query.js';

/** Parquet tables as one, in their order; rows that are in two of them are in it twice. */
export const joinTables = implement(join, async ({ tables }, { artifacts, workDir }) => {
  const paths = await Promise.all(tables.map((table) => artifacts.path(table)));
  const from = `read_parquet([${paths.map(literal).join(', ')}], union_by_name = true)`;
  const target = joinPath(workDir, 'table.parquet');
  return withDuckdb(async (connection) => {
    await connection.run(`COPY (SELECT * FROM ${from}) TO ${literal(target)} (FORMAT parquet)`);
    const [counted = {}] = await rowsOf(connection, `SELECT count(*) AS rows FROM ${from}`);
    return { table: await artifacts.putFile(target), rows: Number(counted['rows']) };
  });
});
