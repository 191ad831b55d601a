import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { SqlCondition, SqlFacts } from '../../workflows/sdk/sensors/condition.js';
import { Room } from '../sdk/room.js';
import { duckdbRows } from '../sdk/sql/duckdb.js';
import { postgresRows } from '../sdk/sql/postgres.js';
import { jsonOf, type Row, unreachableDatabase } from '../sdk/sql/query.js';
import type { Seen } from './look.js';

/** Rows that are read of a query, one more than are told. */
const mostRows = 101;
const mostBytes = 200_000;
const longestMs = 60_000;
/** Of this process in one database, however many sensors look. */
const queriesAtOnce = 4;

const rooms = new Map<string, Room>();

export async function sqlLook(condition: SqlCondition, signal: AbortSignal): Promise<Seen> {
  const { name } = condition.database;
  const room = rooms.get(name) ?? new Room(queriesAtOnce);
  rooms.set(name, room);
  return seenRows(await room.hold(1, () => rowsOf(condition, signal)));
}

async function rowsOf({ database, ...asked }: SqlCondition, signal: AbortSignal): Promise<readonly Row[]> {
  const late = AbortSignal.timeout(longestMs);
  const ends = AbortSignal.any([signal, late]);
  try {
    if (database.kind === 'duckdb') return await duckdbRows(database.file, asked, mostRows, ends);
    return await postgresRows(database, asked, mostRows, ends);
  } catch (error) {
    signal.throwIfAborted();
    throw late.aborted ? unreachableDatabase(`the query took longer than ${longestMs / 1_000} s`) : error;
  }
}

/** The rows as what a sensor has seen. */
function seenRows(rows: readonly Row[]): Seen {
  if (rows.length === 0) return { met: false, said: 'the query has no rows yet' };
  const text = jsonOf(rows.slice(0, mostRows - 1));
  if (text.length > mostBytes) {
    throw new EvertrainError('USER_SENSOR_FAILED', `The first rows are ${(text.length / 1e6).toFixed(1)} MB of JSON.`, {
      value: text.length,
      remedy: 'Select fewer columns, or the number of rows; read the data in a step.',
    });
  }
  const facts: SqlFacts = { rows: JSON.parse(text) as SqlFacts['rows'], more: rows.length === mostRows };
  return { met: true, facts };
}
