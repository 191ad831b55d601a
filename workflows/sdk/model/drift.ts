import { z } from 'zod';
import { artifact } from '../artifact.js';
import { step } from '../step.js';

const Share = z.number().min(0).max(1);

/**
 * When data has drifted. A column drifts when its effect is large, and larger than chance alone makes it, and the test of
 * it rejects; the defaults raise a false alarm in at most 2 % of all checks, however many columns they have.
 */
export const DriftRules = z.lazy(() =>
  z.strictObject({
    /** Columns that are not judged: a running number, say, which is new in each window. */
    ignore: z.array(z.string().min(1)).default([]),
    /**
     * Population stability index from which on a column may have drifted (below 0.1 is taken for stable, from 0.2 on for a
     * shift, by custom). With few rows chance alone makes a larger one, and that counts instead.
     */
    psi: z.number().positive().default(0.2),
    /** A column's share of missing cells may exceed the reference's by so much. */
    maxMissing: Share.default(0.1),
    /** The most probable that a false alarm of a whole check may be; Bonferroni's share of it goes to each of its tests. */
    alpha: z.number().positive().max(0.5).default(0.02),
    /** With fewer rows, or values of a column, on either side there is no verdict. */
    minRows: z.int().min(30).default(200),
  }),
);

export type DriftRules = z.input<typeof DriftRules>;

const ColumnDrift = z.lazy(() =>
  z.object({
    /** At most 60 characters. */
    name: z.string(),
    kind: z.enum(['number', 'category']),
    /** Population stability index, in nats: 0 where both are spread alike. Without it, how values are spread is not judged. */
    psi: z.number().optional(),
    /** Kolmogorov–Smirnov's, the largest distance of the distribution functions, for numbers; χ² for categories. */
    statistic: z.number().optional(),
    /** Of the test alone, not corrected for the others: compare it with `quality.level`. */
    pValue: z.number().optional(),
    /** Distinct values of the window that the reference does not have; for categories. */
    newCategories: z.int().optional(),
    /** Shares of cells, in the window and in the reference. NaN is missing. */
    missing: z.number(),
    referenceMissing: z.number(),
    isDrifted: z.boolean(),
    /** In words; set where it has drifted. */
    why: z.string().optional(),
  }),
);

export type ColumnDrift = z.output<typeof ColumnDrift>;

/**
 * Tables are Parquet, unless their media type says CSV or JSON. The window's columns `prediction`, `at` and `version` are
 * the log's own and no features. Judged are columns that both tables have; the others are told. Dates, times and nested
 * values are not judged, nor is text with over 1,000 distinct values in the reference. USER_DATA_MALFORMED where a table
 * cannot be read.
 */
export const checkDrift = step('model.check-drift', {
  description: 'compare served requests with what the champion was trained on',
  input: z.lazy(() =>
    z.object({
      /** What the champion was trained on. */
      reference: artifact(),
      /** The last served requests. */
      window: artifact(),
      /** What the champion said of data that it had not seen, in a column `prediction` or `predicted`. */
      referencePredictions: artifact().optional(),
      rules: DriftRules,
    }),
  ),
  output: z.lazy(() =>
    z.object({
      /** Of the window. */
      rows: z.int(),
      referenceRows: z.int(),
      isDrifted: z.boolean(),
      /** A few words for people, with the figures that decided. */
      reason: z.string(),
      /** The worst first, at most 50. */
      features: z.array(ColumnDrift),
      /** The window's predictions against the reference's. */
      prediction: ColumnDrift.optional(),
      quality: z.object({
        /** Share of missing cells over all judged features. */
        missingRatio: z.number(),
        referenceMissingRatio: z.number(),
        /** Features that were judged, and how many of them have drifted. */
        judged: z.int(),
        drifted: z.int(),
        /** Columns of the reference that the window has not. */
        absent: z.int(),
        /** Columns of both whose values were not compared, and the prediction where it could not be; `notes` say why. */
        notJudged: z.int(),
        /** Statistical tests made, and what the p-value of each must be below. */
        tests: z.int(),
        level: z.number(),
      }),
      /** What was not judged and why, in at most 10 sentences. */
      notes: z.array(z.string()),
    }),
  ),
  timeout: '10m',
});

export type DriftReport = z.output<typeof checkDrift.output>;
