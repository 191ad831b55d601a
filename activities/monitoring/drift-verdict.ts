import type { z } from 'zod';
import type { DriftRules } from '../../workflows/sdk/model/drift.js';
import { chiSquareQuantile } from '../statistics/chi-square.js';
import { twoProportions } from '../statistics/two-proportions.js';
import type { ColumnPair, Comparison } from './column-pairs.js';

type Rules = z.output<typeof DriftRules>;

export interface ComparedColumn {
  readonly pair: ColumnPair;
  /** Undefined where how the values are spread is not judged. */
  readonly comparison?: Comparison | undefined;
}

export interface JudgedColumn extends ComparedColumn {
  /** Set where it has drifted: why, in words. */
  readonly why?: string;
}

export interface Judgement {
  readonly columns: readonly JudgedColumn[];
  readonly tests: number;
  /** What a p-value must be below. */
  readonly level: number;
}

/**
 * Which columns have drifted: the effect is larger than the rules allow, and than chance makes it, and the test rejects at
 * Bonferroni's share of `alpha`. A column without a missing cell has none to test. With millions of rows every difference
 * has a tiny p-value, and with hundreds chance alone a large index: neither decides alone.
 */
export function judgeColumns(columns: readonly ComparedColumn[], rules: Rules): Judgement {
  const comparisons = columns.filter(({ comparison }) => comparison !== undefined).length;
  const tests = comparisons + columns.filter(({ pair }) => hasMissing(pair)).length;
  const level = rules.alpha / Math.max(tests, 1);
  return {
    columns: columns.map((column) => {
      const why = [spreadOtherwise(column, rules, level), missesMore(column.pair, rules, level)].filter(
        (words) => words !== undefined,
      );
      return why.length === 0 ? column : { ...column, why: why.join('; ') };
    }),
    tests,
    level,
  };
}

function spreadOtherwise({ pair, comparison }: ComparedColumn, { psi }: Rules, level: number): string | undefined {
  if (comparison === undefined || comparison.pValue >= level || comparison.psi <= psi) return undefined;
  const inverses = 1 / pair.reference.values + 1 / pair.window.values;
  const allowed = Math.max(psi, inverses * chiSquareQuantile(level, comparison.cells - 1));
  if (comparison.psi <= allowed) return undefined;
  return `PSI ${figure(comparison.psi)} > ${figure(allowed)}`;
}

function missesMore({ reference, window }: ColumnPair, { maxMissing }: Rules, level: number): string | undefined {
  const [own, expected] = [missingShare(window), missingShare(reference)];
  // 0.7 + 0.1 is less than 0.8.
  if (own - expected - maxMissing <= 1e-9) return undefined;
  const missing = (side: typeof window) => ({ hits: side.rows - side.values, rows: side.rows });
  if (twoProportions(missing(window), missing(reference)) >= level) return undefined;
  return `${percent(own)} missing, ${percent(expected)} in the reference`;
}

function hasMissing({ reference, window }: ColumnPair): boolean {
  return reference.values < reference.rows || window.values < window.rows;
}

export function missingShare({ rows, values }: ColumnPair['window']): number {
  return rows === 0 ? 0 : (rows - values) / rows;
}

function percent(share: number): string {
  return `${figure(share * 100)} %`;
}

function figure(value: number): string {
  return String(Number(value.toPrecision(3)));
}
