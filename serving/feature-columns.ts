import type { DuckDBConnection } from '@duckdb/node-api';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import type { TensorSpec } from './onnx-session.js';
import { identifier } from '../activities/data/table-query.js';
import type { Column } from './table-file.js';
import { type Datatype, datatypeFacts, type Tensor } from './tensor.js';

/**
 * Which columns of a table feed which inputs of a model. A model with several inputs takes one column each; a model with
 * one input of shape [N, F] takes F columns, in the order of the `columns` option, else of the model's own list of
 * features, else all numeric columns in file order (and only if there are exactly F).
 */

export interface FeatureInput {
  readonly spec: TensorSpec;
  /** Columns side by side in this input's second axis. */
  readonly columns: readonly string[];
}

export interface ColumnChoice {
  /** The caller's columns: in the order of the features, or of the model's inputs. */
  readonly columns: readonly string[] | undefined;
  readonly features: readonly string[] | undefined;
  /** Named in errors. */
  readonly file: string;
}

/** USER_DATA_MALFORMED for a missing column or a wrong number of them, USER_NOT_SUPPORTED_YET for inputs of other shapes. */
export function assignColumns(
  inputs: readonly TensorSpec[],
  table: readonly Column[],
  choice: ColumnChoice,
): FeatureInput[] {
  for (const spec of inputs) refuseShape(spec, inputs.length);
  const [only] = inputs;
  if (inputs.length === 1 && only !== undefined) {
    const columns = choice.columns ?? choice.features ?? numericColumns(only, table);
    checkWidth(only, columns, choice);
    checkPresent(columns, table, choice.file);
    return [{ spec: only, columns }];
  }
  const columns = choice.columns ?? inputs.map((spec) => spec.name);
  if (columns.length !== inputs.length) {
    throw malformed(
      `The model has ${inputs.length} inputs (${inputs.map((s) => s.name).join(', ')}), not ${columns.length}.`,
      columns,
    );
  }
  checkPresent(columns, table, choice.file);
  return inputs.map((spec, i) => ({ spec, columns: [columns[i] as string] }));
}

function refuseShape({ name, shape }: TensorSpec, count: number): void {
  const [rows = -1, width = -1] = shape;
  const fits = shape.length <= 2 && (rows === -1 || rows === 1) && (count === 1 || width === -1 || width === 1);
  if (fits) return;
  throw new EvertrainError(
    'USER_NOT_SUPPORTED_YET',
    `Input ${name} has shape [${shape.join()}]; a table feeds inputs of shape [N, F] or [N].`,
    {
      value: shape,
      remedy: 'Reshape inside the exported graph, or send tensors to the model server.',
    },
  );
}

function numericColumns(spec: TensorSpec, table: readonly Column[]): string[] {
  const named = table.find((column) => column.name === spec.name);
  if (named !== undefined && (spec.shape[1] ?? 1) === 1) return [named.name];
  return table.filter((column) => isNumeric(column.type)).map((column) => column.name);
}

function isNumeric(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/.test(type);
}

function checkWidth(
  { name, shape }: TensorSpec,
  columns: readonly string[],
  { columns: chosen, features, file }: ColumnChoice,
): void {
  const width = shape.length === 1 ? 1 : (shape[1] ?? -1);
  if (columns.length > 0 && (width === -1 || width === columns.length)) return;
  const origin = chosen ? 'columns names' : features ? 'the model lists' : `${file} has`;
  const wanted = `Input ${name} takes ${width === -1 ? 'at least 1' : width} feature column(s)`;
  throw malformed(
    `${wanted}, and ${origin} ${columns.length}${chosen || features ? '' : ' numeric'}: ${columns.join(', ')}.`,
    columns,
  );
}

function checkPresent(columns: readonly string[], table: readonly Column[], file: string): void {
  const missing = columns.find((name) => !table.some((column) => column.name === name));
  if (missing === undefined) return;
  throw malformed(
    `${file} has no column ${missing}; it has ${table.map((column) => column.name).join(', ')}.`,
    missing,
  );
}

function malformed(what: string, value: unknown): EvertrainError {
  return new EvertrainError('USER_DATA_MALFORMED', what, {
    value,
    remedy: "Pass columns: the names of the feature columns in the model's order.",
  });
}

const sqlTypes: Record<Datatype, string> = {
  FP32: 'FLOAT',
  FP64: 'DOUBLE',
  INT8: 'TINYINT',
  INT16: 'SMALLINT',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  UINT8: 'UTINYINT',
  UINT16: 'USMALLINT',
  UINT32: 'UINTEGER',
  UINT64: 'UBIGINT',
  BOOL: 'BOOLEAN',
  BYTES: 'VARCHAR',
};

export function sqlType(datatype: Datatype): string {
  return sqlTypes[datatype];
}

/** The first value of table `data` that the model cannot take: USER_DATA_MALFORMED naming row (from 1) and column. */
export async function checkValues(
  connection: DuckDBConnection,
  inputs: readonly FeatureInput[],
  table: readonly Column[],
): Promise<void> {
  for (const { spec, columns } of inputs) {
    for (const name of columns) {
      const type = table.find((column) => column.name === name)?.type ?? '';
      const bad = badValue(identifier(name), type, spec.datatype);
      const query = `SELECT rowid + 1 AS row, CAST(${identifier(name)} AS VARCHAR) AS value FROM data WHERE ${bad} ORDER BY rowid LIMIT 1`;
      const [found] = await (await connection.run(query)).getRowObjectsJson();
      if (found === undefined) continue;
      const { row, value } = found;
      throw new EvertrainError(
        'USER_DATA_MALFORMED',
        `Row ${show(Number(row))}, column ${name} is ${show(value)}; the model takes ${words(spec.datatype)}.`,
        {
          value,
          remedy: 'Correct or impute the value; scoring wrote nothing.',
        },
      );
    }
  }
}

function badValue(column: string, type: string, datatype: Datatype): string {
  const sql = sqlTypes[datatype];
  const { kind } = datatypeFacts(datatype);
  const absent = `${column} IS NULL`;
  if (kind === 'text') return type === 'VARCHAR' ? absent : 'true';
  if (kind === 'boolean') return type === 'BOOLEAN' ? absent : 'true';
  // A column of text may hold words only in some rows: the first of them is told.
  if (!isNumeric(type))
    return type === 'VARCHAR'
      ? `TRY_CAST(${column} AS DOUBLE) IS NULL OR NOT isfinite(TRY_CAST(${column} AS DOUBLE)) OR ${allText(column)}`
      : 'true';
  const cast = `TRY_CAST(${column} AS ${sql})`;
  const lossy = kind === 'float' ? `NOT isfinite(${cast})` : `${cast} <> ${column}`;
  return `${absent} OR ${cast} IS NULL OR ${lossy}`;
}

/** True in every row when each value of a text column reads as a number: it is text all the same. */
function allText(column: string): string {
  return `(SELECT count(*) FILTER (WHERE TRY_CAST(${column} AS DOUBLE) IS NULL) = 0 FROM data)`;
}

function words(datatype: Datatype): string {
  const { kind } = datatypeFacts(datatype);
  if (kind === 'text') return 'text';
  if (kind === 'boolean') return 'true or false';
  return kind === 'float' ? `finite numbers (${datatype})` : `integers (${datatype})`;
}

/** One batch of columns as the model's tensors; `values[i]` are the cells of the i-th selected column. */
export function toTensors(
  inputs: readonly FeatureInput[],
  values: readonly (readonly unknown[])[],
  rows: number,
): Map<string, Tensor> {
  let at = 0;
  return new Map(
    inputs.map(({ spec, columns }) => {
      const own = values.slice(at, at + columns.length);
      at += columns.length;
      const cells = Array.from(
        { length: rows * own.length },
        (_, i) => own[i % own.length]?.[Math.floor(i / own.length)],
      );
      const shape = spec.shape.length === 1 ? [rows] : [rows, own.length];
      return [spec.name, { datatype: spec.datatype, shape, data: datatypeFacts(spec.datatype).pack(cells) }];
    }),
  );
}
