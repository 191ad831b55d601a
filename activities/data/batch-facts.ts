import type { z } from 'zod';
import type { QualityRules } from '../../workflows/sdk/model/steps.js';
import { shortName, worstFirst } from './batch-problems.js';
import type { BatchQuality, ColumnQuality } from './batch-quality.js';

const mostColumns = 20;
const mostNames = 5;
const mostBytes = 4_000;

/** What was measured, small enough for the event history: shares to 4 digits, and the worst columns only. */
export function batchFacts(quality: BatchQuality, rules: z.output<typeof QualityRules>): Record<string, unknown> {
  const { rows, columns, duplicates, expected, label } = quality;
  const facts = {
    rows,
    columns: columns.length + (expected?.additionalColumns.length ?? 0),
    duplicates: rounded(duplicates),
    ...(label === undefined
      ? {}
      : { labelShift: rounded(label.distance), labelShiftByChance: rounded(label.byChance) }),
    ...(expected === undefined
      ? {}
      : {
          reference: { rows: expected.rows, duplicates: rounded(expected.duplicates) },
          missingColumns: named(expected.missingColumns),
          additionalColumns: named(expected.additionalColumns),
        }),
  };
  const worst = worstFirst(columns, rules).slice(0, mostColumns).map(columnFacts);
  while (Buffer.byteLength(JSON.stringify({ ...facts, worstColumns: worst })) > mostBytes) worst.pop();
  return { ...facts, worstColumns: worst };
}

function columnFacts({ name, missing, expected, changedTo, outOfRange }: ColumnQuality): Record<string, unknown> {
  return {
    column: shortName(name),
    missing: rounded(missing),
    ...(expected === undefined ? {} : { expectedMissing: rounded(expected.missing) }),
    ...(changedTo === undefined ? {} : { changedTo }),
    ...(outOfRange === undefined ? {} : { outOfRange: rounded(outOfRange) }),
  };
}

function named(names: readonly string[]): { count: number; names: string[] } {
  return { count: names.length, names: names.slice(0, mostNames).map(shortName) };
}

function rounded(share: number): number {
  return Number(share.toPrecision(4));
}
