import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { SqlFacts } from '../../../workflows/sdk/sensors/condition.js';
import type { Seen } from '../look.js';

/** Rows that are read of a query, one more than are told. */
export const mostRows = 101;
const mostBytes = 200_000;
/** Queries of this process in one kind of database at once, however many sensors look. */
export const queriesAtOnce = 4;
/** Longest time of a query. */
export const queryTimeoutMs = 60_000;

/** The rows as what a sensor has seen; numbers that JSON cannot hold are text. */
export function seenRows(rows: readonly Readonly<Record<string, unknown>>[]): Seen {
  if (rows.length === 0) return { met: false, said: 'the query has no rows yet' };
  const text = JSON.stringify(rows.slice(0, mostRows - 1), jsonCell);
  if (text.length > mostBytes) {
    throw new EvertrainError('USER_SENSOR_FAILED', `The first rows are ${(text.length / 1e6).toFixed(1)} MB of JSON.`, {
      value: text.length,
      remedy: 'Select fewer columns, or the number of rows; read the data in a step.',
    });
  }
  const facts: SqlFacts = { rows: JSON.parse(text) as SqlFacts['rows'], more: rows.length === mostRows };
  return { met: true, facts };
}

function jsonCell(this: unknown, _key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** A query that the database refuses to run. */
export function refused(why: string): EvertrainError {
  return new EvertrainError('USER_SENSOR_FAILED', `The database refuses the query: ${why}.`, {
    value: why,
    remedy: 'Correct it; a sensor takes one statement, which reads.',
  });
}

export function unreachableDatabase(why: string): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `The database could not be asked: ${why}.`, {
    remedy: 'Check the database and its address; it is asked again.',
  });
}
