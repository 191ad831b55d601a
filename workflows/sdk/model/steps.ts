import { z } from 'zod';
import { artifact } from '../artifact.js';
import { step } from '../step.js';

/**
 * Steps of Evertrain's own that a model's runs use; every worker implements them. Their schemas are lazy, as all of the
 * models' and studies' are: each run evaluates these modules anew, and few runs need them.
 */

const Share = z.number().min(0).max(1);

/**
 * What a batch may differ by from the data that the champion was trained on. NaN counts as missing. Judged without a
 * rule: rows other than the sender said or none at all, columns of the reference that are not there, or hold text where it
 * has numbers or numbers where it has text, and a column without any value. Columns that only the batch has are a fact.
 * Without a reference only this counts: rows, an absent label, a column without any value.
 */
export const QualityRules = z.lazy(() =>
  z.strictObject({
    /** The column that is predicted: how its values are spread may differ by `maxLabelShift`. */
    label: z.string().min(1).optional(),
    /** Columns that are not judged: a running number or a time, say, which is new in each batch. */
    ignore: z.array(z.string().min(1)).default([]),
    /** A column's share of missing cells may exceed the reference's by so much. */
    maxMissing: Share.default(0.1),
    /**
     * Share of a column's values (cells that are not missing) that may lie outside of the reference's range, widened by
     * half its width on each side, or, where the reference has at most 100 distinct words, be none of them. Dates and times
     * are not judged.
     */
    maxOutOfRange: Share.default(0.01),
    /** The share of rows that repeat another one of the batch, in all columns of both, may exceed the reference's by so much. */
    maxDuplicates: Share.default(0.1),
    /**
     * Total variation distance of the label's shares (a numeric label of more than 20 distinct values: of the reference's
     * deciles), beyond what chance alone gives on average for so few rows; judged from 30 rows on.
     */
    maxLabelShift: Share.default(0.3),
  }),
);

export type QualityRules = z.input<typeof QualityRules>;

export const checkBatchQuality = step('model.check-batch', {
  description: 'compare new data with what the champion was trained on',
  input: z.lazy(() =>
    z.object({
      batch: z.object({
        id: z.string(),
        /** A path, or `file:` or http(s) URL, of a CSV, Parquet or JSON table. */
        uri: z.string().optional(),
        /** Counts before `uri`. Parquet, unless its media type says CSV or JSON. */
        artifact: artifact().optional(),
        /** How many rows its sender says that it has. */
        rows: z.int(),
      }),
      /** Parquet: what the champion was trained on. */
      reference: artifact().optional(),
      rules: QualityRules,
    }),
  ),
  output: z.lazy(() =>
    z.object({
      /** Why the batch is not to be trained on, in words, at most 20; none: it is good. No word of the data is quoted. */
      problems: z.array(z.string()),
      /** Small numbers for people to read, of the 20 worst columns only. */
      facts: z.record(z.string(), z.unknown()),
    }),
  ),
  timeout: '10m',
});

/**
 * A row's score is its cell of the numeric column that is named after the metric. Without one, `accuracy`, `mae` and
 * `rmse` come from the columns `truth` and `predicted`; `rmse` is the root of the rows' mean squared error, every other
 * metric a mean over rows. Rows with the same cell in a column `group` (hours of a day, pictures of a patient) are alike:
 * groups are what is resampled then. USER_DATA_MALFORMED where the tables differ in their number of rows or, when both have it, in
 * `truth` (then they were not scored on the same rows), have no rows, or a row's score is no finite number.
 */
export const compareScores = step('model.compare-scores', {
  description: 'paired bootstrap of challenger and champion over the same rows',
  input: z.lazy(() =>
    z.object({
      /** Tables of one row for each held-out row, in the same order: Parquet, unless the media type says CSV or JSON. */
      challenger: artifact(),
      champion: artifact(),
      metric: z.string().min(1),
      direction: z.enum(['maximize', 'minimize']),
      /** The gain must exceed it; below 0 it is a margin of non-inferiority. */
      threshold: z.number(),
      /** One-sided. */
      confidence: z.number().gt(0.5).lt(1),
    }),
  ),
  output: z.lazy(() =>
    z.object({
      rows: z.int(),
      /** Where the tables tell them. */
      groups: z.int().optional(),
      challenger: z.number(),
      champion: z.number(),
      /** How much better the challenger is, in the metric's unit, whatever the direction. */
      gain: z.number(),
      /** With the confidence asked for the gain is at least so much. */
      gainAtLeast: z.number(),
      /**
       * Whether that exceeds the threshold by more than rounding does. Never with so few rows that chance alone would make
       * one of two equal models better on all of them (fewer than 5 rows, or groups, at a confidence of 0.95).
       */
      isBetter: z.boolean(),
    }),
  ),
  timeout: '10m',
});
