import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';

/**
 * Steps that pipelines over a table share. A model travels between them as an opaque artifact: what `fit` writes, only
 * the Python side in `python/tabular` opens.
 */

export const ingest = step('data.ingest', {
  description: 'read a CSV, Parquet or JSON table',
  input: z.object({
    /** A path, or an http(s) URL; its ending says the format. */
    source: z.string().min(1),
    /** Keeps the first so many rows. */
    limit: z.int().positive().optional(),
    /** How to read a raw CSV file; refused for other formats. */
    csv: z
      .object({
        /** Words that stand for a missing value, beside nothing at all. */
        missing: z.array(z.string()).optional(),
        /** Makes column names plain: `Body Mass (g)` becomes `body_mass_g`. */
        plainNames: z.boolean().optional(),
      })
      .optional(),
  }),
  output: z.object({ table: artifact(), rows: z.int().positive(), columns: z.array(z.string()) }),
  timeout: '10m',
});

const Rule = z.object({
  type: z.enum(['number', 'text']),
  /** Smallest and largest value that can be right. */
  range: z.tuple([z.number(), z.number()]).optional(),
  /** All words that can be right. */
  values: z.array(z.string()).min(1).optional(),
});

/** What a column must look like. */
export type Rule = z.input<typeof Rule>;

export const validate = step('data.validate', {
  description: 'check columns, ranges, missing values and duplicates',
  input: z.object({ table: artifact(), columns: z.record(z.string(), Rule) }),
  output: z.object({
    rows: z.int(),
    /** Expected columns that the table lacks, or that have another type. */
    wrongColumns: z.array(z.string()),
    missingRatio: z.number(),
    /** Cells that break the range or the values of their column. */
    outOfRange: z.int(),
    duplicates: z.int(),
    missing: z.record(z.string(), z.int()),
  }),
  timeout: '10m',
});

export const join = step('data.join', {
  description: 'put tables of the same columns one after the other',
  input: z.object({ tables: z.array(artifact()).min(1) }),
  /** Columns are matched by name; cells of a column that a table lacks are missing. */
  output: z.object({ table: artifact(), rows: z.int() }),
  timeout: '10m',
});

export const clean = step('data.clean', {
  description: 'keep the expected columns of plausible rows',
  input: z.object({
    table: artifact(),
    columns: z.record(z.string(), Rule),
    /** Columns without which a row is dropped. */
    complete: z.array(z.string()),
  }),
  output: z.object({ table: artifact(), rows: z.int().positive(), dropped: z.int() }),
  timeout: '10m',
});

/**
 * The options of steps that iris has under names of its own, from before they were shared: recorded runs keep the names.
 */
export const splitting = {
  description: 'split into training and held-out rows by a hash of the row',
  input: z.object({
    table: artifact(),
    /** How many rows are held out, about: a row's hash alone decides, so that no later table moves it over. */
    testShare: z.number().gt(0).lt(1),
    /**
     * Columns by which rows are told apart: rows that are the same in these are in the same part. Without the target, so
     * that a corrected one does not move its row over.
     */
    key: z.array(z.string()).min(1),
  }),
  output: z.object({ train: artifact(), test: artifact(), trainRows: z.int(), testRows: z.int() }),
  cache: true,
};

export const classScoring = {
  description: 'score on the held-out rows',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({
    metrics: z.object({ accuracy: z.number(), macroF1: z.number() }),
    /** Accuracy of always answering the most frequent class of the training rows. */
    baseline: z.number(),
    labels: z.array(z.string()),
    /** Rows: what is true; columns: what was predicted. */
    confusion: z.array(z.array(z.int())),
    perRow: artifact(),
  }),
};

export const exporting = {
  description: 'export as ONNX with a golden request',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({
    model: artifact(),
    golden: z.object({ request: z.unknown(), response: z.unknown(), tolerance: z.number() }),
  }),
};

export const split = step('table.split', splitting);
export const scoreClasses = step('table.score-classes', classScoring);
export const toOnnx = step('table.export', exporting);

export const scoreNumbers = step('table.score-numbers', {
  description: 'score on the held-out rows',
  input: z.object({ model: artifact(), data: artifact() }),
  output: z.object({
    metrics: z.object({ rmse: z.number(), mae: z.number(), r2: z.number() }),
    /** Root mean squared error of always answering the mean of the training rows. */
    baseline: z.number(),
    perRow: artifact(),
  }),
});

/** What fills a gap is learnt from the training rows alone. */
export const impute = step('table.impute', {
  description: 'fill missing values: median of numbers, most frequent word',
  input: z.object({ train: artifact(), test: artifact(), target: z.string() }),
  output: z.object({
    train: artifact(),
    test: artifact(),
    fills: z.record(z.string(), z.union([z.number(), z.string()])),
    filled: z.int(),
  }),
});

/** The model takes features as they are, words included. */
export const fit = step('table.fit', {
  description: 'fit one model, scored by cross-validation',
  input: z.object({
    train: artifact(),
    target: z.string(),
    /** Default: every column but the target. */
    features: z.array(z.string()).min(1).optional(),
    task: z.enum(['classification', 'regression']),
    algorithm: z.enum(['forest', 'gradient_boosting', 'linear']),
    /** All words of each column of words, from worst to best where they have an order. */
    categories: z.record(z.string(), z.array(z.string())),
    /** A column by which rows are alike, so that models are compared group by group; it is no feature by default. */
    group: z.string().optional(),
  }),
  /** The score is the accuracy of a classifier, R² of a regression. */
  output: z.object({ model: artifact(), algorithm: z.string(), score: z.number() }),
  timeout: '30m',
});
