import { join } from 'node:path';
import { ingest } from '../../workflows/pipelines/tabular/contracts.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { implement, type StepInput } from '../sdk/implement.js';
import { identifier, literal, rowsOf, withDuckdb } from './table-query.js';
import { createTable, malformed, sourceAt, type TableSource } from './table-source.js';

/** Reads any CSV, Parquet or JSON table, by path or URL, into one Parquet artifact. */
export const ingestTable = implement(ingest, async ({ source, limit, csv }, context) => {
  const { artifacts, workDir, log } = context;
  const file = await sourceAt(source, context);
  return withDuckdb(async (connection) => {
    const target = join(workDir, 'table.parquet');
    const found = await createTable(connection, 'source', file, { options: csvOptions(file, csv), limit });
    const columns = found.map(({ name }) => name);
    const [counted] = await rowsOf(connection, 'SELECT count(*) AS rows FROM source');
    const rows = Number(counted?.['rows']);
    if (rows === 0) throw malformed(source, 'it has no rows');
    await connection.run(
      `COPY (SELECT ${columns.map(identifier).join(', ')} FROM source) TO ${literal(target)} (FORMAT parquet)`,
    );
    log.info(`read ${rows} rows and ${columns.length} columns`, { source });
    return { table: await artifacts.putFile(target), rows, columns };
  });
});

function csvOptions({ name, read }: TableSource, csv: StepInput<typeof ingest>['csv']): string[] {
  if (csv === undefined) return [];
  if (read !== 'read_csv') {
    throw new EvertrainError('USER_INPUT_INVALID', `\`csv\` says how to read ${name}, which is not a CSV file.`, {
      value: name,
      remedy: 'Leave `csv` out, or name a .csv or .tsv file.',
    });
  }
  const missing = csv.missing === undefined ? [] : [`nullstr = [${['', ...csv.missing].map(literal).join(', ')}]`];
  return [...missing, ...(csv.plainNames === true ? ['normalize_names = true'] : [])];
}
