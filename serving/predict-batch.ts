import { access, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { identifier } from '../activities/data/table-query.js';
import type { ArtifactStore } from '../activities/sdk/ports.js';
import type { Artifact } from '../workflows/sdk/artifact.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { assignColumns, checkValues, type FeatureInput, sqlType, toTensors } from './feature-columns.js';
import { modelFeatures } from './model-features.js';
import { OnnxSession } from './onnx-session.js';
import { loadDuckDb } from './peers.js';
import { PredictionTable } from './prediction-table.js';
import { type Column, loadTable, tableFormat, writeTable } from './table-file.js';

/**
 * Offline scoring with the code that the server runs. The table is loaded into a temporary DuckDB file beside the output,
 * every value that the model takes is checked before the first one is computed, and the finished file is renamed into
 * place: a failure leaves what was there before.
 */

export interface PredictBatchOptions {
  /** Path of an ONNX file, or an artifact and its store. */
  readonly model: string | { readonly artifact: Artifact; readonly store: ArtifactStore };
  /** .csv, .parquet, .json or .jsonl. */
  readonly input: string;
  /** The same formats; an existing file is replaced as a whole. */
  readonly output: string;
  /** Feature columns in the model's order; see feature-columns.ts for the default. */
  readonly columns?: readonly string[];
  /** Rows computed at once; default 8192. */
  readonly batchSize?: number;
}

export interface PredictBatchResult {
  readonly rows: number;
  readonly output: string;
  /** Columns that the model read. */
  readonly features: readonly string[];
  /** Columns added to those of the input. */
  readonly predictions: readonly string[];
}

/**
 * Writes the input's rows with the model's outputs as further columns. USER_FILE_NOT_FOUND, USER_OPTION_INVALID,
 * USER_DATA_MALFORMED (naming row and column), USER_NOT_SUPPORTED_YET for tensors that are no table, SYSTEM_PEER_MISSING.
 */
export async function predictBatch(options: PredictBatchOptions): Promise<PredictBatchResult> {
  const { input, output, batchSize = 8192 } = options;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new EvertrainError('USER_OPTION_INVALID', `batchSize: ${batchSize} is not a positive integer.`, {
      value: batchSize,
    });
  }
  const format = tableFormat(output);
  tableFormat(input);
  const folder = dirname(output);
  await access(folder).catch((cause: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no folder ${folder} for the output.`, {
      value: folder,
      cause,
    });
  });
  const bytes = await modelBytes(options.model);
  const session = await OnnxSession.load(bytes, describeModel(options.model));
  const workspace = await mkdtemp(join(folder, '.predict-')).catch((cause: unknown) => {
    throw new EvertrainError(
      'USER_FILE_NOT_FOUND',
      `Nothing can be written to ${folder}: ${(cause as Error).message}.`,
      {
        value: output,
        remedy: 'Write the predictions to a folder that exists and is yours.',
        cause,
      },
    );
  });
  try {
    const { draft, ...result } = await inDatabase(join(workspace, 'scoring.duckdb'), async (reader, writer) => {
      const features = modelFeatures(bytes);
      const choice = { columns: options.columns, features, file: input };
      const table = await loadTable(reader, input, (columns) => textColumns(session, columns, choice));
      const inputs = assignColumns(session.inputs, table, choice);
      await checkValues(reader, inputs, table);
      const scored = await score(session, { reader, writer, inputs, table, input, batchSize });
      const path = join(workspace, basename(output));
      await writeTable(reader, scored.predictions.select, path, format);
      const columns = inputs.flatMap((feature) => feature.columns);
      return { draft: path, rows: scored.rows, output, features: columns, predictions: scored.predictions.columns };
    });
    await rename(draft, output);
    return result;
  } finally {
    await session.release();
    await rm(workspace, { recursive: true, force: true });
  }
}

async function modelBytes(model: PredictBatchOptions['model']): Promise<Uint8Array> {
  const path = typeof model === 'string' ? model : await model.store.materialize(model.artifact);
  return readFile(path).catch((cause: unknown) => {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no readable model file ${path}.`, { value: path, cause });
  });
}

function describeModel(model: PredictBatchOptions['model']): string {
  return typeof model === 'string' ? model : `The model ${model.artifact.uri}`;
}

/** A stream of rows occupies its connection, so a second one appends the answers. */
async function inDatabase<T>(
  path: string,
  work: (reader: DuckDBConnection, writer: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { DuckDBInstance } = await loadDuckDb();
  const database = await DuckDBInstance.create(path);
  const reader = await database.connect();
  const writer = await database.connect();
  try {
    return await work(reader, writer);
  } finally {
    reader.closeSync();
    writer.closeSync();
    database.closeSync();
  }
}

/** Columns that the model takes as text. */
function textColumns(
  session: OnnxSession,
  table: readonly Column[],
  choice: Parameters<typeof assignColumns>[2],
): string[] {
  return assignColumns(session.inputs, table, choice)
    .filter(({ spec }) => spec.datatype === 'BYTES')
    .flatMap(({ columns }) => columns);
}

interface Scoring {
  readonly reader: DuckDBConnection;
  readonly writer: DuckDBConnection;
  readonly inputs: readonly FeatureInput[];
  readonly table: readonly Column[];
  readonly input: string;
  readonly batchSize: number;
}

async function score(session: OnnxSession, scoring: Scoring): Promise<{ rows: number; predictions: PredictionTable }> {
  const outputs = session.outputs.map((spec) => spec.name);
  const taken = scoring.table.map((column) => column.name);
  // A model with one fixed row is asked row by row.
  const single = session.inputs.some((spec) => spec.shape[0] === 1);
  let predictions: PredictionTable | undefined;
  let rows = 0;
  for await (const batch of batches(scoring, single ? 1 : scoring.batchSize)) {
    const count = batch[0]?.length ?? 0;
    const answers = await session.run(toTensors(scoring.inputs, batch, count), outputs);
    predictions ??= await PredictionTable.create(scoring.writer, answers, taken);
    predictions.append(answers, count);
    rows += count;
  }
  if (predictions === undefined) {
    throw new EvertrainError('USER_DATA_MALFORMED', `${scoring.input} has no rows to score.`, { value: scoring.input });
  }
  predictions.finish();
  return { rows, predictions };
}

/** Cells by column, at most `size` rows at once, in file order. */
async function* batches({ reader, inputs }: Scoring, size: number): AsyncGenerator<unknown[][]> {
  const selected = inputs.flatMap(({ spec, columns }) =>
    columns.map((name) => `CAST(${identifier(name)} AS ${sqlType(spec.datatype)})`),
  );
  const stream = await reader.stream(`SELECT ${selected.join(', ')} FROM data ORDER BY rowid`);
  let held: unknown[][] = selected.map(() => []);
  for await (const chunk of stream) {
    held.forEach((column, i) => column.push(...chunk.getColumnValues(i)));
    while ((held[0]?.length ?? 0) >= size) {
      yield held.map((column) => column.slice(0, size));
      held = held.map((column) => column.slice(size));
    }
  }
  if ((held[0]?.length ?? 0) > 0) yield held;
}
