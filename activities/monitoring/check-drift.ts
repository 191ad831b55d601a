import type { z } from 'zod';
import { checkDrift, type DriftRules } from '../../workflows/sdk/model/drift.js';
import { sourceOf } from '../data/table-source.js';
import type { Connection } from '../data/table-query.js';
import type { StepContext } from '../sdk/context.js';
import { implement } from '../sdk/implement.js';
import { type ColumnPair, columnPair, type NamedColumn } from './column-pairs.js';
import { compareCategories } from './compare-categories.js';
import { compareNumbers } from './compare-numbers.js';
import { driftReport, type Measured } from './drift-report.js';
import { type DriftTable, openTable, withBoundedDuckdb } from './drift-table.js';
import { type ComparedColumn, judgeColumns } from './drift-verdict.js';

/** Columns of a window that the log of served requests adds. */
const logged: readonly string[] = ['prediction', 'at', 'version'];

type Rules = z.output<typeof DriftRules>;

/**
 * Whether served requests are still like what the champion was trained on. Everything that grows with the rows is
 * aggregated in DuckDB, a column at a time; p-values and the verdict come after it.
 */
export const checkDriftStep = implement(checkDrift, async (input, context) => {
  const { rules } = input;
  const reference = await sourceOf('The reference', input.reference, context);
  const window = await sourceOf('The window', input.window, context);
  const predictions =
    input.referencePredictions === undefined
      ? undefined
      : await sourceOf("The reference's predictions", input.referencePredictions, context);
  return withBoundedDuckdb(context, async (connection) => {
    const expected = await openTable(connection, 'reference', reference);
    const served = await openTable(connection, 'served', window);
    const predicted = predictions === undefined ? undefined : await openTable(connection, 'predictions', predictions);
    const report = driftReport(await new Check(connection, rules, context).run(expected, served, predicted));
    context.log.info(`${report.reason} (${report.rows} rows against ${report.referenceRows})`, { ...report.quality });
    return report;
  });
});

class Check {
  private readonly unjudged = new Map<string, string[]>();

  constructor(
    private readonly connection: Connection,
    private readonly rules: Rules,
    private readonly context: Pick<StepContext, 'signal' | 'progress'>,
  ) {}

  async run(expected: DriftTable, served: DriftTable, predicted: DriftTable | undefined): Promise<Measured> {
    const names = [...expected.columns.keys()].filter((name) => !this.rules.ignore.includes(name));
    const shared = names.filter((name) => served.columns.has(name) && !logged.includes(name));
    const absent = names.filter((name) => !served.columns.has(name));
    if (absent.length > 0) this.unjudged.set('not in the window', absent);
    const facts = { rows: served.rows, referenceRows: expected.rows, absent: absent.length, unjudged: this.unjudged };
    const tooFew = this.tooFew(served.rows, 'rows') ?? this.tooFew(expected.rows, 'rows of the reference');
    if (tooFew !== undefined)
      return { ...facts, features: judgeColumns([], this.rules), prediction: undefined, tooFew };
    const features: ComparedColumn[] = [];
    for (const [i, name] of shared.entries()) {
      const column = await this.compared({ table: expected, name }, { table: served, name });
      if (column !== undefined) features.push(column);
      this.context.progress((i + 1) / (shared.length + 1));
    }
    const prediction = predicted === undefined ? undefined : await this.prediction(predicted, served);
    // All of them share what false alarms a check may raise.
    const judged = judgeColumns(prediction === undefined ? features : [...features, prediction], this.rules);
    const of = judged.columns.slice(0, features.length);
    return { ...facts, features: { ...judged, columns: of }, prediction: judged.columns[features.length] };
  }

  private async compared(expected: NamedColumn, served: NamedColumn): Promise<ComparedColumn | undefined> {
    this.context.signal.throwIfAborted();
    const pair = await columnPair(this.connection, expected, served);
    if (typeof pair === 'string') return this.note(pair, served.name);
    const comparison = await this.comparison(pair);
    if (typeof comparison !== 'string') return { pair, comparison };
    this.note(comparison, served.name);
    return { pair };
  }

  private async comparison(pair: ColumnPair) {
    const values = Math.min(pair.reference.values, pair.window.values);
    if (values < this.rules.minRows) return `fewer than ${this.rules.minRows} values on a side`;
    return pair.kind === 'number' ? compareNumbers(this.connection, pair) : compareCategories(this.connection, pair);
  }

  private async prediction(predicted: DriftTable, served: DriftTable): Promise<ComparedColumn | undefined> {
    const name = ['prediction', 'predicted'].find((column) => predicted.columns.has(column));
    if (name === undefined) return this.note("no such column in the reference's predictions", 'prediction');
    if (!served.columns.has('prediction')) return this.note('not in the window', 'prediction');
    const tooFew = this.tooFew(predicted.rows, "rows of the reference's predictions");
    if (tooFew !== undefined) return this.note(tooFew, 'prediction');
    return this.compared({ table: predicted, name }, { table: served, name: 'prediction' });
  }

  private tooFew(rows: number, what: string): string | undefined {
    return rows < this.rules.minRows ? `too few ${what}: ${rows} of ${this.rules.minRows}` : undefined;
  }

  private note(why: string, name: string): undefined {
    this.unjudged.set(why, [...(this.unjudged.get(why) ?? []), name]);
  }
}
