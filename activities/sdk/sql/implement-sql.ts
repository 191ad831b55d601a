import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Artifact, isArtifact } from '../../../workflows/sdk/artifact.js';
import { checkConnection, type Database } from '../../../workflows/sdk/connections/connection.js';
import { checkParams, checkReads, checkSql, type SqlParam } from '../../../workflows/sdk/connections/sql-text.js';
import type { StepDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { checkOptions, invalidOption } from '../../../workflows/sdk/options.js';
import { secretsOf } from '../connections/connection-url.js';
import type { StepContext } from '../context.js';
import { checkStep, type StepInput } from '../implement.js';
import type { Implementation } from '../implementation.js';
import { duckdbChange, duckdbParquet, duckdbRows } from './duckdb.js';
import { postgresChange, postgresRows } from './postgres.js';
import { postgresParquet } from './postgres-parquet.js';
import { jsonOf, type Query, type Row } from './query.js';

/** What a query in DuckDB may also be given: the path of an artifact. */
type Given = SqlParam | Artifact;

export interface SqlStepOptions<S extends StepDefinition> {
  /** Values of `$1`, `$2`, …; an artifact (DuckDB) is given as the path of its file. */
  readonly params?: (input: StepInput<S>) => readonly Given[];
  /**
   * What the step answers: `{ rows: [ … ] }`, 1,000 at most (default); the one row of the query as an object; or
   * `{ table, rows }`, all rows as a Parquet artifact and their number.
   */
  readonly as?: 'rows' | 'row' | 'parquet';
  /**
   * Lets the statement change data; the step answers `{ changed }`, the number of rows. It happens as a whole or not at all,
   * but again where its worker dies before the answer is recorded: write so that twice is as good as once.
   */
  readonly writes?: boolean;
}

const mostRows = 1_000;

/**
 * Binds a step to one statement in a database, PostgreSQL or DuckDB. Values of the input are bound by `params`, never put into
 * the text. Unless it says `writes`, the database itself holds the statement to reading.
 *
 * USER_QUERY_REFUSED: an error in it, or more than it may do. USER_DATA_MALFORMED: not one row with `as: 'row'`.
 * USER_PAYLOAD_TOO_LARGE: too many rows. SYSTEM_SERVER_UNREACHABLE: the database is away.
 */
export function implementSql<S extends StepDefinition>(
  step: S,
  database: Database,
  query: string,
  options: SqlStepOptions<S> = {},
): Implementation {
  checkStep('implementSql', step);
  const owner = `implementSql of step "${step.name}"`;
  checkOptions(owner, options, ['params', 'as', 'writes']);
  const { params, as = 'rows', writes = false } = options;
  const to = checkConnection(owner, database, ['postgres', 'duckdb']);
  const text = checkSql(owner, query);
  if (!writes) checkReads(owner, query);
  if (writes && options.as !== undefined)
    throw invalidOption(owner, 'as', as, 'A statement that writes answers `{ changed }`.');
  if (!['rows', 'row', 'parquet'].includes(as)) throw invalidOption(owner, 'as', as, "Use 'rows', 'row' or 'parquet'.");
  if (params === undefined && /\$\d/.test(text.replaceAll(/'[^']*'/g, ''))) {
    throw invalidOption(owner, 'the query', query, 'It has $1: give its values by `params`.');
  }
  const parts = [to, query, as, writes, params?.toString()];
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return {
    step,
    secrets: secretsOf(to),
    fingerprint: () => Promise.resolve(digest),
    run: async (input, context) => {
      const given = params === undefined ? undefined : await bound(owner, to, params(input as StepInput<S>), context);
      const asked: Query = { query, ...(given === undefined ? {} : { params: given }) };
      if (writes) return { changed: await change(to, asked, context) };
      if (as === 'parquet') return parquet(to, asked, context);
      const found = jsonRows(await rowsOf(to, asked, as === 'row' ? 2 : mostRows + 1, context));
      return as === 'row' ? onlyRow(owner, found) : { rows: allRows(owner, found) };
    },
  };
}

async function bound(
  owner: string,
  to: Database,
  given: readonly Given[],
  { artifacts }: StepContext,
): Promise<readonly SqlParam[]> {
  const valueOf = async (one: Given) => (to.kind === 'duckdb' && isArtifact(one) ? artifacts.path(one) : one);
  const values = Array.isArray(given) ? await Promise.all((given as readonly Given[]).map(valueOf)) : given;
  checkParams(owner, values);
  return values;
}

function rowsOf(to: Database, asked: Query, most: number, { signal }: StepContext): Promise<Row[]> {
  return to.kind === 'duckdb' ? duckdbRows(to.file, asked, most, signal) : postgresRows(to, asked, most, signal);
}

function change(to: Database, asked: Query, { signal }: StepContext): Promise<number> {
  return to.kind === 'duckdb' ? duckdbChange(to.file, asked, signal) : postgresChange(to, asked, signal);
}

async function parquet(to: Database, asked: Query, context: StepContext) {
  const path = join(context.workDir, 'rows.parquet');
  const rows =
    to.kind === 'duckdb'
      ? await duckdbParquet(to.file, asked, path, context.signal)
      : await postgresParquet(to, asked, path, context);
  return { table: await context.artifacts.putFile(path), rows };
}

function jsonRows(rows: readonly Row[]): Row[] {
  return JSON.parse(jsonOf(rows)) as Row[];
}

function onlyRow(owner: string, [row, ...others]: readonly Row[]): Row {
  if (row !== undefined && others.length === 0) return row;
  throw new EvertrainError(
    'USER_DATA_MALFORMED',
    `${owner}: the query has ${row === undefined ? 'no row' : 'several rows'}.`,
    {
      remedy: "Write a query that always has one, or answer `as: 'rows'`.",
    },
  );
}

function allRows(owner: string, rows: readonly Row[]): readonly Row[] {
  if (rows.length <= mostRows) return rows;
  throw new EvertrainError('USER_PAYLOAD_TOO_LARGE', `${owner}: the query has more than ${mostRows} rows.`, {
    remedy: "Answer `as: 'parquet'`, whose rows are an artifact.",
  });
}
