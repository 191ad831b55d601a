import { existsSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { ingest } from '../../workflows/pipelines/tabular/contracts.js';
import { implement } from '../sdk/implement.js';
import { identifier, literal, reader, rowsOf, withDuckdb } from './table-query.js';

/** Reads any CSV, Parquet or JSON table, by path or http(s) URL, into one Parquet artifact. */
export const ingestTable = implement(ingest, async ({ source, limit }, { artifacts, workDir, log, signal }) => {
  const path = /^https?:\/\//.test(source) ? await download(source, workDir, signal) : local(source);
  return withDuckdb(async (connection) => {
    const target = join(workDir, 'table.parquet');
    const from = `${reader(path)}(${literal(path)})`;
    const most = limit === undefined ? '' : ` LIMIT ${limit}`;
    try {
      await connection.run(`CREATE TABLE source AS SELECT * FROM ${from}${most}`);
    } catch (error) {
      throw malformed(source, firstLine(error), error);
    }
    const columns = (await rowsOf(connection, 'DESCRIBE source')).map((row) => String(row['column_name']));
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

function local(source: string): string {
  const path = resolve(source);
  if (existsSync(path) && statSync(path).isFile()) return path;
  throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no file ${source} (looked for ${path}).`, {
    value: source,
    remedy: 'Correct `source`; a relative path starts at the folder in which the worker runs.',
  });
}

async function download(url: string, folder: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal }).catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `${url} cannot be reached.`, { value: url, cause });
  });
  if (!response.ok) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `${url} answered HTTP ${response.status}.`, {
      value: url,
      remedy: 'Correct `source`.',
    });
  }
  const path = join(folder, basename(new URL(url).pathname) || 'table.csv');
  if (response.body !== null) await writeFile(path, response.body);
  return path;
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
