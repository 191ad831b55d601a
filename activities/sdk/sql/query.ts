import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { SqlParam } from '../../../workflows/sdk/connections/sql-text.js';

/** One statement for a database; values are bound, never part of the text. */
export interface Query {
  readonly query: string;
  /** Values of `$1`, `$2`, … */
  readonly params?: readonly SqlParam[];
}

export type Row = Readonly<Record<string, unknown>>;

/** Rows as JSON; numbers that it cannot hold are text. */
export function jsonOf(rows: readonly Row[]): string {
  return JSON.stringify(rows, (_key, value: unknown) => {
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return value;
  });
}

/** A query that the database refuses to run. */
export function refused(why: string): EvertrainError {
  return new EvertrainError('USER_QUERY_REFUSED', `The database refuses the query: ${why}.`, {
    value: why,
    remedy: 'Correct it; it is one statement, which reads unless a step says `writes: true`.',
  });
}

export function unreachableDatabase(why: string): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `The database could not be asked: ${why}.`, {
    remedy: 'Check the database and its address; it is asked again.',
  });
}

export function missingPackage(database: string, name: string, cause: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_PEER_MISSING', `A query in ${database} needs the package ${name}.`, {
    remedy: `Run \`npm install ${name}\`.`,
    cause,
  });
}
