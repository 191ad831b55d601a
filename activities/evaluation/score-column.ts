import { EvertrainError } from '../../workflows/sdk/errors.js';
import { identifier, kindOf } from '../data/table-query.js';
import type { TableColumn } from '../data/table-source.js';

/** A table of one row for each held-out row, as it lies in DuckDB. */
export interface ScoreTable {
  /** What errors call it. */
  readonly name: string;
  /** In SQL. */
  readonly table: string;
  readonly columns: readonly TableColumn[];
}

export interface ScoreColumn {
  /** An expression over the table. */
  readonly sql: string;
  /** Whether the metric is the root of the mean. */
  readonly isSquared: boolean;
}

/** The score of a row by a metric; contracts in workflows/sdk/model/steps.ts. */
export function scoreColumn(from: ScoreTable, metric: string): ScoreColumn {
  const own = cell(from, metric);
  if (own !== undefined) {
    if (!own.isNumber && own.type !== 'BOOLEAN') throw unusable(from, metric, `its column "${metric}" has no numbers`);
    return { sql: `${own.sql}::DOUBLE`, isSquared: false };
  }
  if (!['accuracy', 'mae', 'rmse'].includes(metric)) throw unusable(from, metric, 'it has no such column');
  const [truth, predicted] = [cell(from, 'truth'), cell(from, 'predicted')];
  if (truth === undefined || predicted === undefined) {
    throw unusable(from, metric, `it has neither this column nor both of "truth" and "predicted"`);
  }
  if (metric === 'accuracy') {
    return { sql: `(${alike(truth, predicted).join(' = ')})::INTEGER::DOUBLE`, isSquared: false };
  }
  if (!truth.isNumber || !predicted.isNumber) throw unusable(from, metric, '"truth" or "predicted" has no numbers');
  const error = `${truth.sql}::DOUBLE - ${predicted.sql}::DOUBLE`;
  return metric === 'mae' ? { sql: `abs(${error})`, isSquared: false } : { sql: `(${error}) ** 2`, isSquared: true };
}

interface Cell {
  readonly sql: string;
  readonly type: string;
  readonly isNumber: boolean;
}

export function cell({ table, columns }: ScoreTable, name: string): Cell | undefined {
  const found = columns.find((column) => column.name === name);
  if (found === undefined) return undefined;
  return { sql: `${table}.${identifier(name)}`, type: found.type, isNumber: kindOf(found.type) === 'number' };
}

/**
 * Two cells as SQL that is equal where they mean the same: one writer keeps a class as 1, another as "1" or 1.0, or in
 * single precision.
 */
export function alike(one: Cell, other: Cell): readonly [string, string] {
  const both = [one, other];
  const as = (write: (sql: string) => string) => [write(one.sql), write(other.sql)] as const;
  if (both.every(({ isNumber }) => isNumber)) {
    const type = both.some((each) => each.type === 'FLOAT') ? 'FLOAT' : 'DOUBLE';
    return as((sql) => `${sql}::${type}`);
  }
  if (both.some(({ type }) => type === 'BOOLEAN')) return as((sql) => `lower(${sql}::VARCHAR)`);
  if (both.some(({ isNumber }) => isNumber)) {
    return as((sql) => `coalesce(TRY_CAST(${sql} AS DOUBLE)::VARCHAR, ${sql}::VARCHAR)`);
  }
  return as((sql) => `${sql}::VARCHAR`);
}

function unusable({ name, columns }: ScoreTable, metric: string, why: string): EvertrainError {
  const names = columns.map((column) => JSON.stringify(column.name.slice(0, 60)));
  const shown = [...names.slice(0, 20), ...(names.length > 20 ? [`${names.length - 20} more`] : [])].join(', ');
  return new EvertrainError('USER_DATA_MALFORMED', `${name} gives no "${metric}" of a row: ${why}. It has ${shown}.`, {
    value: metric,
    remedy: `Write a numeric column "${metric}" for each row, or compare by one that there is, accuracy, mae or rmse.`,
  });
}
