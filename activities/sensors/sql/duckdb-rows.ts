import { existsSync } from 'node:fs';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { SqlCondition } from '../../../workflows/sdk/sensors/condition.js';
import { Room } from '../../sdk/room.js';
import { mostRows, queriesAtOnce, queryTimeoutMs, refused, unreachableDatabase } from './rows.js';

/** Each has memory and threads of its own. */
const queries = new Room(queriesAtOnce);

type Rows = readonly Readonly<Record<string, unknown>>[];

/**
 * The first rows of a query in a DuckDB of its own: over a file that is opened to be read, or over nothing, for queries
 * that read files. Only a single SELECT runs: a COPY, say, would write files also from a database that cannot be written.
 */
export function duckdbRows(url: string, condition: SqlCondition, signal: AbortSignal): Promise<Rows> {
  return queries.hold(1, () => read(url, condition, signal));
}

async function read(url: string, { query, params }: SqlCondition, signal: AbortSignal): Promise<Rows> {
  const { DuckDBInstance, StatementType } = await import('@duckdb/node-api').catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_PEER_MISSING', 'A query in DuckDB needs the package @duckdb/node-api.', {
      remedy: 'Run `npm install @duckdb/node-api`.',
      cause,
    });
  });
  const path = url.replace(/^duckdb:(\/\/)?/, '');
  if (path !== '' && !existsSync(path)) throw unreachableDatabase(`there is no file ${path}`);
  const settings = { threads: '2', autoinstall_known_extensions: 'false', allow_community_extensions: 'false' };
  const instance = await DuckDBInstance.create(
    path === '' ? ':memory:' : path,
    path === '' ? settings : { ...settings, access_mode: 'READ_ONLY' },
    // Another process that writes to the file locks it.
  ).catch((error: unknown) => {
    throw unreachableDatabase(firstLine(error));
  });
  try {
    const connection = await instance.connect();
    const late = setTimeout(() => connection.interrupt(), queryTimeoutMs);
    const stop = () => connection.interrupt();
    signal.addEventListener('abort', stop, { once: true });
    try {
      const statements = await connection.extractStatements(query);
      if (statements.count !== 1) throw refused(`it has ${statements.count} statements`);
      const statement = await statements.prepare(0);
      if (statement.statementType !== StatementType.SELECT) throw refused('it is no SELECT');
      if (params !== undefined) statement.bind([...params]);
      const rows = await statement.streamAndReadUntil(mostRows);
      return rows.getRowObjectsJS().slice(0, mostRows);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error);
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', stop);
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/** What is read may come, or be whole, later; a query does not get better. */
function failureOf(error: unknown): unknown {
  if (error instanceof EvertrainError) return error;
  const text = firstLine(error);
  return /^(IO|Interrupt|Out of Memory|INTERRUPT)/i.test(text) ? unreachableDatabase(text) : refused(text);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
