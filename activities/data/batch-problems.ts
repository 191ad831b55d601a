import type { z } from 'zod';
import type { QualityRules } from '../../workflows/sdk/model/steps.js';
import type { BatchQuality, ColumnQuality } from './batch-quality.js';

type Rules = z.output<typeof QualityRules>;

/** What a batch is judged by: the contract's rules, and how many rows its sender counted. */
export interface Judgement {
  readonly rules: Rules;
  readonly rowsSaid: number;
  /** Of the batch, also those that are not judged. */
  readonly hasLabel: boolean;
}

const mostProblems = 20;

/** Why a batch is not to be trained on, one sentence each, what concerns all of it first, then columns, worst first. */
export function batchProblems(quality: BatchQuality, judgement: Judgement): string[] {
  const { rules } = judgement;
  const columns = worstFirst(quality.columns, rules).flatMap((column) => columnProblem(column, rules) ?? []);
  const problems = [...tableProblems(quality, judgement), ...columns];
  if (problems.length <= mostProblems) return problems;
  return [...problems.slice(0, mostProblems - 1), `and ${problems.length - mostProblems + 1} problems more`];
}

function tableProblems(quality: BatchQuality, { rules, rowsSaid, hasLabel }: Judgement): string[] {
  const { rows, duplicates, expected, label } = quality;
  const absent = (expected?.missingColumns ?? []).filter((name) => name !== rules.label);
  const problems: string[] = [];
  if (rows === 0) problems.push('it has no rows');
  if (rows !== rowsSaid) problems.push(`it has ${rows} rows, its sender said ${rowsSaid}`);
  if (rules.label !== undefined && !hasLabel) problems.push(`it lacks the label, column ${quoted(rules.label)}`);
  if (absent.length > 0) {
    const shown = [...absent.slice(0, 5).map(quoted), ...(absent.length > 5 ? [`${absent.length - 5} more`] : [])];
    problems.push(`it lacks ${absent.length} of the reference's columns: ${shown.join(', ')}`);
  }
  if (label !== undefined && exceeds(label.distance, rules.maxLabelShift + label.byChance)) {
    problems.push(
      `the label's values are spread otherwise: their shares lie ${figure(label.distance)} apart (total variation ` +
        `distance; ${figure(rules.maxLabelShift)} may be, and ${figure(label.byChance)} by chance)`,
    );
  }
  if (expected !== undefined && exceeds(duplicates, expected.duplicates + rules.maxDuplicates)) {
    problems.push(
      `${percent(duplicates)} of its rows repeat another one, ${percent(expected.duplicates)} of the reference's`,
    );
  }
  return problems;
}

function columnProblem(column: ColumnQuality, rules: Rules): string | undefined {
  const why = whyNot(column, rules);
  return why === undefined ? undefined : `column ${quoted(column.name)}: ${why}`;
}

/** The first that is found: what follows from it would only say the same again. */
function whyNot(column: ColumnQuality, { maxMissing, maxOutOfRange }: Rules): string | undefined {
  const { values, missing, expected, changedTo, noNumbers = 0, outOfRange = 0, knownWords } = column;
  const than = expected === undefined ? '' : `, ${percent(expected.missing)} of the reference's`;
  if (isWithoutValues(column)) return `all of its cells are missing${than}`;
  if (changedTo === 'number') return 'it holds numbers, the reference text';
  if (changedTo !== undefined) {
    const which = noNumbers === 0 ? '' : `; ${noNumbers} of its ${values} values are no numbers`;
    return `it holds text, the reference numbers${which}`;
  }
  if (expected !== undefined && exceeds(missing, expected.missing + maxMissing)) {
    return `${percent(missing)} of its cells are missing${than}`;
  }
  if (!exceeds(outOfRange, maxOutOfRange)) return undefined;
  if (knownWords !== undefined) return `${percent(outOfRange)} of its values are none of the reference's ${knownWords}`;
  const [least = 0, most = 0] = expected?.range ?? [];
  return `${percent(outOfRange)} of its numbers lie far outside of the reference's ${figure(least, 6)} to ${figure(most, 6)}`;
}

function isWithoutValues({ missing, expected }: ColumnQuality): boolean {
  return missing === 1 && expected?.missing !== 1;
}

/** Columns by how much of what the rules allow they use up. */
export function worstFirst(columns: readonly ColumnQuality[], rules: Rules): ColumnQuality[] {
  const badness = (column: ColumnQuality) => {
    if (isWithoutValues(column) || column.changedTo !== undefined) return Number.MAX_VALUE;
    const missing = (column.missing - (column.expected?.missing ?? 0)) / Math.max(rules.maxMissing, 1e-3);
    return Math.max(missing, (column.outOfRange ?? 0) / Math.max(rules.maxOutOfRange, 1e-3));
  };
  return columns
    .map((column) => ({ column, bad: badness(column) }))
    .sort((one, other) => other.bad - one.bad)
    .map(({ column }) => column);
}

/** 0.7 + 0.1 is less than 0.8. */
function exceeds(found: number, most: number): boolean {
  return found - most > 1e-9;
}

/** At most 60 characters, none cut in half. */
export function shortName(name: string): string {
  return name.length > 60 ? `${Array.from(name.slice(0, 200)).slice(0, 59).join('')}…` : name;
}

function quoted(name: string): string {
  return JSON.stringify(shortName(name));
}

function percent(share: number): string {
  return `${figure(share * 100)} %`;
}

function figure(value: number, digits = 3): string {
  return String(Number(value.toPrecision(digits)));
}
