import { existsSync, statSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import { ingest } from '../../workflows/pipelines/tabular/contracts.js';
import { implement, type StepInput } from '../sdk/implement.js';
import { identifier, literal, reader, rowsOf, withDuckdb } from './table-query.js';

/** Reads any CSV, Parquet or JSON table, by path or http(s) URL, into one Parquet artifact. */
export const ingestTable = implement(ingest, async ({ source, limit, csv }, { artifacts, workDir, log, signal }) => {
  const path = /^https?:\/\//.test(source) ? await download(source, workDir, signal) : local(source);
  return withDuckdb(async (connection) => {
    const target = join(workDir, 'table.parquet');
    const from = `${reader(path)}(${[literal(path), ...csvOptions(source, reader(path), csv)].join(', ')})`;
    const most = limit === undefined ? '' : ` LIMIT ${limit}`;
    try {
      await connection.run(`CREATE TABLE source AS SELECT * FROM ${from}${most}`);
    } catch (error) {
      throw malformed(source, firstLine(error), error);
    }
    const columns = (await rowsOf(connection, 'DESCRIBE source')).map((row) => String(row['column_name']));
    if (reader(path) === 'read_csv') await checkHeader(source, path, columns);
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

/** A file whose rows differ in length (one that was cut, say) is otherwise read as one wide column. */
async function checkHeader(source: string, path: string, columns: readonly string[]): Promise<void> {
  if (columns.length > 1) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 << 10), 0, 64 << 10, 0);
    const [header = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/);
    if (header.trim() === '') throw malformed(source, 'it has no header');
    if (!/[,;\t|]/.test(header) || header.startsWith('"')) return;
    throw malformed(source, `its rows have not as many cells as its header (${header.slice(0, 200)})`);
  } finally {
    await file.close();
  }
}

function csvOptions(source: string, read: string, csv: StepInput<typeof ingest>['csv']): string[] {
  if (csv === undefined) return [];
  if (read !== 'read_csv') {
    throw new EvertrainError('USER_INPUT_INVALID', `\`csv\` says how to read ${source}, which is not a CSV file.`, {
      value: source,
      remedy: 'Leave `csv` out, or name a .csv or .tsv file.',
    });
  }
  const missing = csv.missing === undefined ? [] : [`nullstr = [${['', ...csv.missing].map(literal).join(', ')}]`];
  return [...missing, ...(csv.plainNames === true ? ['normalize_names = true'] : [])];
}

function local(source: string): string {
  const path = resolve(source);
  if (existsSync(path) && statSync(path).isFile()) return path;
  throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no file ${source} (looked for ${path}).`, {
    value: source,
    remedy: 'Correct `source`; a relative path starts at the folder in which the worker runs.',
  });
}

async function download(url: string, folder: string, signal: AbortSignal): Promise<string> {
  if (!URL.canParse(url)) {
    throw new EvertrainError('USER_INPUT_INVALID', `${url} is not a URL.`, {
      value: url,
      remedy: 'Correct `source`.',
    });
  }
  const path = join(folder, basename(new URL(url).pathname) || 'table.csv');
  try {
    const response = await fetch(url, { signal });
    if (response.ok) await writeFile(path, response.body ?? '');
    else await response.body?.cancel();
    if (response.ok) return path;
    throw new EvertrainError('USER_FILE_NOT_FOUND', `${url} answered HTTP ${response.status}.`, {
      value: url,
      remedy: 'Correct `source`.',
    });
  } catch (error) {
    if (signal.aborted || isEvertrainError(error)) throw error;
    throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `${url} could not be read to its end.`, {
      value: url,
      remedy: 'Check the network; the step is tried again.',
      cause: error,
    });
  }
}

function malformed(source: string, why: string, cause?: unknown): EvertrainError {
  return new EvertrainError('USER_DATA_MALFORMED', `${source} is not a table that can be read: ${why}.`, {
    value: source,
    remedy: 'Check that it is whole, UTF-8, and of the format that its ending says.',
    cause,
  });
}

function firstLine(error: unknown): string {
  return String((error as Error).message ?? error).split('\n')[0] ?? '';
}
