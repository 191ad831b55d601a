import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import { isSecret, type Secret } from '../secret.js';
import type { Condition, SqlFacts, SqlParam } from './condition.js';

export interface SqlOptions {
  /** Values of `$1`, `$2`, … */
  readonly params?: readonly SqlParam[];
}

/**
 * A query has rows. `database` is `postgres://…`, `duckdb:///folder/file.duckdb` or `duckdb:` (for a query that reads Parquet
 * or CSV files), or a secret that holds one of them. Only queries that read are taken: the database itself refuses others.
 */
export function sqlReturnsRows(
  database: string | Secret,
  query: string,
  options: SqlOptions = {},
): Condition<SqlFacts> {
  const owner = 'sqlReturnsRows';
  checkOptions(owner, options, ['params']);
  const { params } = options;
  const checked = checkDatabase(owner, database);
  checkQuery(owner, query);
  if (params?.some((one) => one !== null && !['string', 'number', 'boolean'].includes(typeof one))) {
    refuse(`${owner}: params are ${show(params)}`, params, 'Use strings, finite numbers, booleans and null.');
  }
  const text = query.trim().replaceAll(/\s+/g, ' ');
  return {
    kind: 'sql',
    database: checked,
    query,
    ...(params === undefined ? {} : { params }),
    words: `rows of ${text.length > 80 ? `${text.slice(0, 77)}...` : text}`,
  };
}

/** A URL with a password would be in the history of each run. */
function checkDatabase(owner: string, database: unknown): string | Secret {
  if (isSecret(database)) return { secret: database.secret };
  if (typeof database !== 'string' || !/^(postgres(ql)?:\/\/|duckdb:)/.test(database)) {
    const shown = typeof database === 'string' ? database.replace(/\/\/.*@/, '//…@') : database;
    refuse(`${owner}: ${show(shown)} is not a database`, undefined, 'Use postgres://… or duckdb:…, or a secret.');
  }
  const url = String(database);
  if (/^postgres.*\/\/[^@\s]*:[^@\s]*@/.test(url) || /[?&]password=/i.test(url)) {
    refuse(
      `${owner}: the database's URL holds a password`,
      undefined,
      "Keep it in a variable: secret('WAREHOUSE_URL').",
    );
  }
  return url;
}

/** Says early what the database would say at the first look; what gets by is left to it. */
function checkQuery(owner: string, query: unknown): void {
  const bare = typeof query === 'string' ? query.replaceAll(/--.*|\/\*[\s\S]*?\*\//g, ' ').trim() : '';
  if (bare === '') refuse(`${owner}: the query is ${show(query)}`, query, 'Write a SELECT.');
  if (/^\(*\s*(select|with|from|values|table)\b/i.test(bare)) return;
  refuse(`${owner}: ${show(query)} is not a query that only reads`, query, 'Begin it with SELECT or WITH.');
}

function refuse(what: string, value: unknown, remedy: string): never {
  throw new EvertrainError('USER_OPTION_INVALID', `${what}.`, { value, remedy });
}
