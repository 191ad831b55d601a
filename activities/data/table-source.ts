import { existsSync, statSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import type { StepContext } from '../sdk/context.js';
import { type Connection, identifier, literal, rowsOf } from './table-query.js';

type Reader = 'read_csv' | 'read_parquet' | 'read_json';

/** A local file that holds a table, and the table function of DuckDB that reads it. */
export interface TableSource {
  /** What errors call it. */
  readonly name: string;
  readonly path: string;
  readonly read: Reader;
}

const byEnding: Readonly<Record<string, Reader>> = {
  '.csv': 'read_csv',
  '.tsv': 'read_csv',
  '.parquet': 'read_parquet',
  '.json': 'read_json',
  '.jsonl': 'read_json',
  '.ndjson': 'read_json',
};

const byMediaType: Readonly<Record<string, Reader>> = {
  'text/csv': 'read_csv',
  'text/tab-separated-values': 'read_csv',
  'application/json': 'read_json',
  'application/jsonl': 'read_json',
  'application/x-ndjson': 'read_json',
};

/** A table by path, `file:` or http(s) URL; one from the network is downloaded into the step's folder first. */
export async function sourceAt(
  uri: string,
  { workDir, signal }: Pick<StepContext, 'workDir' | 'signal'>,
): Promise<TableSource> {
  const path = /^https?:\/\//.test(uri) ? await download(uri, workDir, signal) : local(uri);
  const read = byEnding[extname(path).toLowerCase()];
  if (read !== undefined) return { name: uri, path, read };
  throw new EvertrainError('USER_DATA_MALFORMED', `The format of ${uri} is not known by its ending.`, {
    value: uri,
    remedy: `Use one of ${Object.keys(byEnding).join(', ')}.`,
  });
}

/** An artifact as a table: Parquet, unless its media type says CSV or JSON; its path in the store may have no ending. */
export async function sourceOf(
  name: string,
  artifact: Artifact,
  { artifacts }: Pick<StepContext, 'artifacts'>,
): Promise<TableSource> {
  const [mediaType = ''] = artifact.mediaType.split(';');
  const read = byMediaType[mediaType.trim().toLowerCase()] ?? 'read_parquet';
  return { name: `${name} (${artifact.uri})`, path: await artifacts.path(artifact), read };
}

/** The table in a FROM clause; `options` are more named parameters of its reader. */
export function fromSource({ read, path }: TableSource, options: readonly string[] = []): string {
  // DuckDB takes a path for a pattern, and would read every file that it matches.
  const itself = path.replace(/[[*?]/g, '[$&]');
  return `${read}(${[literal(itself), ...options].join(', ')})`;
}

export interface TableColumn {
  readonly name: string;
  /** As DuckDB calls it. */
  readonly type: string;
}

/** Reads a source to its end into a new table; USER_DATA_MALFORMED where that fails. It may have no rows. */
export async function createTable(
  connection: Connection,
  table: string,
  source: TableSource,
  { options, limit }: { options?: readonly string[]; limit?: number | undefined } = {},
): Promise<TableColumn[]> {
  const most = limit === undefined ? '' : ` LIMIT ${limit}`;
  const from = `SELECT * FROM ${fromSource(source, options)}${most}`;
  await readable(source.name, connection.run(`CREATE OR REPLACE TABLE ${identifier(table)} AS ${from}`));
  const columns = await columnsOf(connection, identifier(table));
  if (source.read === 'read_csv') await checkHeader(source, columns);
  return columns;
}

/** Columns of anything that may stand in a FROM clause. */
export async function columnsOf(connection: Connection, from: string): Promise<TableColumn[]> {
  const rows = await rowsOf(connection, `DESCRIBE SELECT * FROM ${from}`);
  return rows.map((row) => ({ name: String(row['column_name']), type: String(row['column_type']) }));
}

/** What DuckDB cannot read is the fault of the data. */
export async function readable<T>(name: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw malformed(name, String((error as Error).message ?? error).split('\n')[0] ?? '', error);
  }
}

export function malformed(name: string, why: string, cause?: unknown): EvertrainError {
  return new EvertrainError('USER_DATA_MALFORMED', `${name} is not a table that can be read: ${why}.`, {
    value: name,
    remedy: 'Check that it is whole, UTF-8, and of the format that its ending or media type says.',
    cause,
  });
}

/** A file whose rows differ in length (one that was cut, say) is otherwise read as one wide column. */
async function checkHeader({ name, path }: TableSource, columns: readonly TableColumn[]): Promise<void> {
  if (columns.length > 1) return;
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 << 10), 0, 64 << 10, 0);
    const [header = ''] = buffer.toString('utf8', 0, bytesRead).split(/\r?\n/);
    if (header.trim() === '') throw malformed(name, 'it has no header');
    if (!/[,;\t|]/.test(header) || header.startsWith('"')) return;
    throw malformed(name, `its rows have not as many cells as its header (${header.slice(0, 200)})`);
  } finally {
    await file.close();
  }
}

function local(source: string): string {
  const path = source.startsWith('file:') ? fromFileUrl(source) : resolve(source);
  if (existsSync(path) && statSync(path).isFile()) return path;
  throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no file ${source} (looked for ${path}).`, {
    value: source,
    remedy: 'Correct the path; a relative one starts at the folder in which the worker runs.',
  });
}

function fromFileUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new EvertrainError('USER_INPUT_INVALID', `${url} is not the URL of a file of this machine.`, {
      value: url,
      remedy: 'Write it as file:///folder/table.csv.',
      cause,
    });
  }
}

async function download(url: string, folder: string, signal: AbortSignal): Promise<string> {
  if (!URL.canParse(url)) {
    throw new EvertrainError('USER_INPUT_INVALID', `${url} is not a URL.`, { value: url, remedy: 'Correct it.' });
  }
  const path = join(folder, basename(new URL(url).pathname) || 'table.csv');
  try {
    const response = await fetch(url, { signal });
    if (response.ok) await writeFile(path, response.body ?? '');
    else await response.body?.cancel();
    if (response.ok) return path;
    throw new EvertrainError('USER_FILE_NOT_FOUND', `${url} answered HTTP ${response.status}.`, {
      value: url,
      remedy: 'Correct the URL.',
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
