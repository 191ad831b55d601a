import { z } from 'zod';
import { artifact, step } from '../../sdk/index.js';

/** Steps that any pipeline over a table starts with. */

export const ingest = step('data.ingest', {
  description: 'read a CSV, Parquet or JSON table',
  input: z.object({
    /** A path, or an http(s) URL; its ending says the format. */
    source: z.string().min(1),
    /** Keeps the first so many rows. */
    limit: z.int().positive().optional(),
  }),
  output: z.object({ table: artifact(), rows: z.int().positive(), columns: z.array(z.string()) }),
  timeout: '10m',
});

const Rule = z.object({
  type: z.enum(['number', 'text']),
  /** Smallest and largest value that can be right. */
  range: z.tuple([z.number(), z.number()]).optional(),
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
    outOfRange: z.int(),
    duplicates: z.int(),
    missing: z.record(z.string(), z.int()),
  }),
  timeout: '10m',
});
