import { type ColumnKind, type Connection, identifier, kindOf, literal, rowsOf } from './table-query.js';
import { columnsOf } from './table-source.js';

export interface ColumnProfile {
  readonly kind: ColumnKind;
  /** Cells that are there. */
  readonly values: number;
  /** Of the finite numbers; undefined where there are none. */
  readonly range?: readonly [number, number] | undefined;
}

export interface TableProfile {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, ColumnProfile>;
}

/** A view of a table in which NaN is missing, as it is to pandas; `from` is what stands in a FROM clause. */
export async function viewWithoutNaN(connection: Connection, view: string, from: string): Promise<void> {
  const cells = (await columnsOf(connection, from)).map(({ name, type }) => {
    const cell = identifier(name);
    return type === 'FLOAT' || type === 'DOUBLE' ? `nullif(${cell}, 'NaN'::${type}) AS ${cell}` : cell;
  });
  await connection.run(`CREATE VIEW ${identifier(view)} AS SELECT ${cells.join(', ')} FROM ${from}`);
}

/** One pass over a view of `viewWithoutNaN`. */
export async function profileOf(connection: Connection, view: string): Promise<TableProfile> {
  const columns = await columnsOf(connection, identifier(view));
  const facts = columns.flatMap(({ name, type }, i) => {
    const values = `count(${identifier(name)}) AS values_${i}`;
    if (kindOf(type) !== 'number') return [values];
    // Not FILTER: with 500 columns DuckDB 1.5 takes half a minute to plan it.
    const finite = `CASE WHEN isfinite(${identifier(name)}::DOUBLE) THEN ${identifier(name)}::DOUBLE END`;
    return [values, `min(${finite}) AS least_${i}`, `max(${finite}) AS most_${i}`];
  });
  const [row = {}] = await rowsOf(
    connection,
    `SELECT ${['count(*) AS rows', ...facts].join(', ')} FROM ${identifier(view)}`,
  );
  const found = columns.map(({ name, type }, i): [string, ColumnProfile] => {
    const [least, most] = [row[`least_${i}`], row[`most_${i}`]];
    const range = typeof least === 'number' && typeof most === 'number' ? ([least, most] as const) : undefined;
    return [name, { kind: kindOf(type), values: Number(row[`values_${i}`]), range }];
  });
  return { rows: Number(row['rows']), columns: new Map(found) };
}

/** Rows that repeat another one in these columns. By 64-bit hash, which takes a fraction of the memory that rows would. */
export async function repeatedRows(connection: Connection, view: string, columns: readonly string[]): Promise<number> {
  if (columns.length === 0) return 0;
  const hash = `hash(${columns.map(identifier).join(', ')})`;
  const [row = {}] = await rowsOf(
    connection,
    `SELECT count(*) - count(DISTINCT ${hash}) AS repeated FROM ${identifier(view)}`,
  );
  return Number(row['repeated']);
}

/** A number as SQL that keeps every bit, infinities too. */
export function double(value: number): string {
  return `${literal(String(value))}::DOUBLE`;
}
