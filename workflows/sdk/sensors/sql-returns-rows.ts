import { checkConnection, type Database } from '../connections/connection.js';
import { checkParams, checkReads, type SqlParam } from '../connections/sql-text.js';
import { checkOptions } from '../options.js';
import type { Condition, SqlFacts } from './condition.js';

export interface SqlOptions {
  /** Values of `$1`, `$2`, … */
  readonly params?: readonly SqlParam[];
}

/** A query has rows. Only queries that read are taken: the database itself refuses others. */
export function sqlReturnsRows(database: Database, query: string, options: SqlOptions = {}): Condition<SqlFacts> {
  const owner = 'sqlReturnsRows';
  checkOptions(owner, options, ['params']);
  const { params } = options;
  checkConnection(owner, database, ['postgres', 'duckdb']);
  checkReads(owner, query);
  if (params !== undefined) checkParams(owner, params);
  const text = query.trim().replaceAll(/\s+/g, ' ');
  return {
    kind: 'sql',
    database,
    query,
    ...(params === undefined ? {} : { params }),
    words: `rows of ${text.length > 80 ? `${text.slice(0, 77)}...` : text} in ${database.name}`,
  };
}
