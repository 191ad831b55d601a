import { type Connection, identifier, kindOf, rowsOf } from '../data/table-query.js';
import type { DriftTable, TypedColumn } from './drift-table.js';

/** One side of a column. */
export interface ColumnSide {
  readonly table: DriftTable;
  readonly rows: number;
  /** Cells that are not missing. */
  readonly values: number;
  /** SQL of a cell of the table: a DOUBLE that is no NaN, to the precision of 32 bits, or the 64-bit hash of a text. */
  readonly cell: string;
}

export interface ColumnPair {
  readonly name: string;
  readonly kind: 'number' | 'category';
  readonly reference: ColumnSide;
  readonly window: ColumnSide;
}

/** How differently two samples are spread. */
export interface Comparison {
  readonly psi: number;
  /** Bins or categories behind the index that anything falls into. */
  readonly cells: number;
  readonly statistic: number;
  readonly pValue: number;
  readonly newCategories?: number;
}

export interface NamedColumn {
  readonly table: DriftTable;
  readonly name: string;
}

type Kind = 'number' | 'boolean' | 'category' | 'time' | 'other';

/** What a column is to be compared as; a string says why it is not. */
export async function columnPair(
  connection: Connection,
  expected: NamedColumn,
  served: NamedColumn,
): Promise<ColumnPair | string> {
  const [one, other] = [columnOf(expected), columnOf(served)];
  if (one.values === 0 && other.values === 0) return 'no value on either side';
  // Without a value its writer has guessed the type.
  const kinds = [one, other].flatMap(({ type, values }) => (values === 0 ? [] : [driftKind(type)]));
  if (kinds.includes('time')) return 'dates and times are not judged';
  if (kinds.includes('other')) return 'nested values are not judged';
  const isText = kinds.includes('category');
  if (!isText && kinds.includes('number')) return pairOf(expected, served, 'number');
  if (!kinds.includes('number')) return pairOf(expected, served, 'category');
  const text = driftKind(one.type) === 'category' ? expected : served;
  if (await hasOnlyNumbers(connection, text)) return pairOf(expected, served, 'number');
  return 'numbers on one side and text on the other are not compared';
}

function pairOf(expected: NamedColumn, served: NamedColumn, kind: ColumnPair['kind']): ColumnPair {
  return { name: served.name, kind, reference: sideOf(expected, kind), window: sideOf(served, kind) };
}

function sideOf(column: NamedColumn, kind: ColumnPair['kind']): ColumnSide {
  const { type, values } = columnOf(column);
  const cell = kind === 'number' ? asNumber(column.name, type) : asHash(column.name);
  return { table: column.table, rows: column.table.rows, values, cell };
}

/** A hash takes a fraction of the memory that a long text would. */
function asHash(name: string): string {
  return `CASE WHEN ${identifier(name)} IS NOT NULL THEN hash(${identifier(name)}::VARCHAR) END`;
}

/** Most models are asked in 32 bits, where 0.194 is 0.19400000572: it would lie beyond the reference's 0.194. */
function asNumber(name: string, type: string): string {
  // A boolean is a number by way of an integer only.
  if (type === 'BOOLEAN') return `${identifier(name)}::INTEGER::DOUBLE`;
  const number = `nullif(TRY_CAST(${identifier(name)} AS DOUBLE), 'NaN')`;
  return `coalesce(TRY_CAST(${number} AS FLOAT)::DOUBLE, ${number})`;
}

function columnOf({ table, name }: NamedColumn): TypedColumn {
  return table.columns.get(name) ?? { type: 'NULL', values: 0 };
}

function driftKind(type: string): Kind {
  const kind = kindOf(type);
  if (kind !== 'text') return kind;
  if (type === 'BOOLEAN') return 'boolean';
  return /^(VARCHAR|ENUM\(.*\))$/s.test(type) ? 'category' : 'other';
}

async function hasOnlyNumbers(connection: Connection, { table, name }: NamedColumn): Promise<boolean> {
  const [row = {}] = await rowsOf(
    connection,
    `SELECT count(CASE WHEN NOT coalesce(isfinite(TRY_CAST(${identifier(name)} AS DOUBLE)), false) THEN ${identifier(name)} END)
       AS words FROM ${table.from}`,
  );
  return row['words'] === 0;
}
