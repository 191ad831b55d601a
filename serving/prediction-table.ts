import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { sqlType } from './feature-columns.js';
import { loadDuckDb } from './peers.js';
import { identifier } from '../activities/data/table-query.js';
import { datatypeFacts, sizeOf, type Tensor } from './tensor.js';

/** Rows in one of DuckDB's data chunks. */
const chunkRows = 2048;

/**
 * The answers of a model as table `predictions`: the row number and one column for each output value. An output of shape
 * [N] or [N, 1] is one column by its name, one of shape [N, K] is `<name>_0` to `<name>_<K-1>`; a name that the input
 * has already gets `_predicted` behind it.
 */
export class PredictionTable {
  /** Columns of the predictions, without the row number. */
  readonly columns: readonly string[];
  readonly #duckdb: Awaited<ReturnType<typeof loadDuckDb>>;
  readonly #appender: DuckDBAppender;
  readonly #types: readonly DuckDBType[];
  #rows = 0;

  private constructor(
    duckdb: Awaited<ReturnType<typeof loadDuckDb>>,
    columns: readonly string[],
    appender: DuckDBAppender,
  ) {
    this.#duckdb = duckdb;
    this.columns = columns;
    this.#appender = appender;
    this.#types = Array.from({ length: columns.length + 1 }, (_, i) => appender.columnType(i));
  }

  /** The first answers show how many columns an output has. */
  static async create(
    connection: DuckDBConnection,
    first: ReadonlyMap<string, Tensor>,
    taken: readonly string[],
  ): Promise<PredictionTable> {
    const lower = new Set(taken.map((name) => name.toLowerCase()));
    const columns: { name: string; type: string }[] = [];
    for (const [output, { datatype, shape }] of first) {
      const width = sizeOf(shape.slice(1));
      for (let i = 0; i < width; i++) {
        const plain = width === 1 ? output : `${output}_${i}`;
        const name = lower.has(plain.toLowerCase()) ? `${plain}_predicted` : plain;
        if (lower.has(name.toLowerCase()))
          throw new EvertrainError('USER_DATA_MALFORMED', `The input has a column ${name} already.`, { value: name });
        lower.add(name.toLowerCase());
        columns.push({ name, type: sqlType(datatype) });
      }
    }
    const declared = columns.map(({ name, type }) => `, ${identifier(name)} ${type}`).join('');
    const row = rowColumn(columns.map(({ name }) => name));
    await connection.run(`CREATE TABLE predictions (${identifier(row)} BIGINT${declared})`);
    const appender = await connection.createAppender('predictions');
    return new PredictionTable(
      await loadDuckDb(),
      columns.map(({ name }) => name),
      appender,
    );
  }

  /** Selects the input's rows with their predictions, in the input's order. */
  get select(): string {
    const own = this.columns.map((name) => `p.${identifier(name)}`).join(', ');
    const row = identifier(rowColumn(this.columns));
    return `SELECT d.*, ${own} FROM data d JOIN predictions p ON d.rowid = p.${row} ORDER BY d.rowid`;
  }

  /** Appends the answers for the next `rows` rows. */
  append(answers: ReadonlyMap<string, Tensor>, rows: number): void {
    const columns = Array.from(answers.values(), (tensor) => columnsOf(tensor, rows)).flat();
    const numbers = Array.from({ length: rows }, (_, i) => BigInt(this.#rows + i));
    for (let from = 0; from < rows; from += chunkRows) {
      const part = [numbers, ...columns].map((values) => values.slice(from, from + chunkRows));
      const chunk = this.#duckdb.DuckDBDataChunk.create(this.#types, Math.min(chunkRows, rows - from));
      chunk.setColumns(part);
      this.#appender.appendDataChunk(chunk);
    }
    this.#rows += rows;
  }

  /** Makes everything appended visible to queries. */
  finish(): void {
    this.#appender.closeSync();
  }
}

/** A name for the row number that no prediction has. */
function rowColumn(columns: readonly string[]): string {
  let name = 'row';
  while (columns.some((column) => column.toLowerCase() === name)) name += '_';
  return name;
}

function columnsOf(tensor: Tensor, rows: number): DuckDBValue[][] {
  const width = sizeOf(tensor.shape.slice(1));
  if (tensor.shape[0] !== rows) {
    throw new EvertrainError(
      'USER_NOT_SUPPORTED_YET',
      `An output has shape [${tensor.shape.join()}] for ${rows} rows; scoring needs one answer a row.`,
      {
        value: tensor.shape,
      },
    );
  }
  const boolean = datatypeFacts(tensor.datatype).kind === 'boolean';
  return Array.from({ length: width }, (_, column) =>
    Array.from({ length: rows }, (_cell, row) => {
      const value = tensor.data[row * width + column] as DuckDBValue;
      return boolean ? value !== 0 : value;
    }),
  );
}
