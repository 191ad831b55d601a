import { z } from 'zod';
import { artifact } from './artifact.js';
import { step } from './step.js';

/** Steps of Evertrain's own that a model's runs use; every worker implements them. */

const Share = z.number().min(0).max(1);

/** What a batch may differ by from the data that the champion was trained on; without a reference only what is in it counts. */
export const QualityRules = z.strictObject({
  /** The column that is predicted: how its values are spread may differ by `maxLabelShift`. */
  label: z.string().min(1).optional(),
  /** A column's share of missing cells may exceed the reference's by so much. */
  maxMissing: Share.default(0.1),
  /** Share of a column's cells that may lie outside of the reference's range, widened by half its width on each side, or, for words, be none of the reference's. */
  maxOutOfRange: Share.default(0.01),
  /** The share of rows that repeat another one of the batch may exceed the reference's by so much. */
  maxDuplicates: Share.default(0.1),
  /** Total variation distance of the label's shares; judged from 30 rows on. */
  maxLabelShift: Share.default(0.3),
});

export type QualityRules = z.input<typeof QualityRules>;

export const checkBatchQuality = step('model.check-batch', {
  description: 'compare new data with what the champion was trained on',
  input: z.object({
    batch: z.object({
      id: z.string(),
      /** A path or http(s) URL of a CSV, Parquet or JSON table. */
      uri: z.string().optional(),
      artifact: artifact().optional(),
      /** How many rows its sender says that it has. */
      rows: z.int(),
    }),
    reference: artifact().optional(),
    rules: QualityRules,
  }),
  output: z.object({
    /** Why the batch is not to be trained on, in words; none: it is good. */
    problems: z.array(z.string()),
    facts: z.record(z.string(), z.unknown()),
  }),
  timeout: '10m',
});

export const compareScores = step('model.compare-scores', {
  description: 'paired bootstrap of challenger and champion over the same rows',
  input: z.object({
    /** Tables of one row for each held-out row, in the same order. */
    challenger: artifact(),
    champion: artifact(),
    metric: z.string().min(1),
    direction: z.enum(['maximize', 'minimize']),
    /** The gain must exceed it; below 0 it is a margin of non-inferiority. */
    threshold: z.number(),
    /** One-sided. */
    confidence: z.number().gt(0.5).lt(1),
  }),
  output: z.object({
    rows: z.int(),
    challenger: z.number(),
    champion: z.number(),
    /** How much better the challenger is, in the metric's unit, whatever the direction. */
    gain: z.number(),
    /** With the confidence asked for the gain is at least so much. */
    gainAtLeast: z.number(),
    /** Whether that exceeds the threshold. */
    isBetter: z.boolean(),
  }),
  timeout: '10m',
});
