import type { z } from 'zod';
import { checkDrift, type DriftRules } from '../../workflows/sdk/model/drift.js';
import { sourceOf } from '../data/table-source.js';
import type { Connection } from '../data/table-query.js';
import { implement } from '../sdk/implement.js';
import { type ColumnPair, columnPair, type Comparison, type NamedColumn } from './column-pairs.js';
import { compareCategories } from './compare-categories.js';
import { compareNumbers } from './compare-numbers.js';
import { driftReport, type Measured } from './drift-report.js';
import { type DriftTable, openTable, withBoundedDuckdb } from './drift-table.js';
import { type ComparedColumn, judgeColumns } from './drift-verdict.js';
import { forLoadedPairs } from './loaded-pairs.js';

/** Columns of a window that the log of served requests adds. */
const logged: readonly string[] = ['prediction', 'at', 'version'];

type Rules = z.output<typeof DriftRules>;

/**
 * Whether served requests are still like what the champion was trained on. Everything that grows with the rows is
 * aggregated in DuckDB, some columns at a time; p-values and the verdict come after it.
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
    const report = driftReport(await new Check(connection, rules, context.signal).run(expected, served, predicted));
    context.log.info(`${report.reason} (${report.rows} rows against ${report.referenceRows})`, { ...report.quality });
    return report;
  });
});

class Check {
  private readonly unjudged = new Map<string, string[]>();

  constructor(
    private readonly connection: Connection,
    private readonly rules: Rules,
    private readonly signal: AbortSignal,
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
    const features = await this.compared(
      shared.map((name) => [
        { table: expected, name },
        { table: served, name },
      ]),
    );
    const [prediction] = predicted === undefined ? [] : await this.predictions(predicted, served);
    // All of them share what false alarms a check may raise.
    const judged = judgeColumns(prediction === undefined ? features : [...features, prediction], this.rules);
    const of = judged.columns.slice(0, features.length);
    return { ...facts, features: { ...judged, columns: of }, prediction: judged.columns[features.length] };
  }

  private async compared(columns: readonly (readonly [NamedColumn, NamedColumn])[]): Promise<ComparedColumn[]> {
    const pairs: ColumnPair[] = [];
    for (const [expected, served] of columns) {
      const pair = await columnPair(this.connection, expected, served);
      if (typeof pair === 'string') this.note(pair, served.name);
      else pairs.push(pair);
    }
    const { minRows } = this.rules;
    const hasFew = ({ reference, window }: ColumnPair) => Math.min(reference.values, window.values) < minRows;
    for (const { name } of pairs.filter(hasFew)) this.note(`fewer than ${minRows} values on a side`, name);
    const comparisons = new Map<ColumnPair, Comparison>();
    await forLoadedPairs(
      this.connection,
      pairs.filter((pair) => !hasFew(pair)),
      async (loaded) => {
        this.signal.throwIfAborted();
        const compare = loaded.pair.kind === 'number' ? compareNumbers : compareCategories;
        const comparison = await compare(this.connection, loaded);
        if (typeof comparison === 'string') this.note(comparison, loaded.pair.name);
        else comparisons.set(loaded.pair, comparison);
      },
    );
    return pairs.map((pair) => ({ pair, comparison: comparisons.get(pair) }));
  }

  private async predictions(predicted: DriftTable, served: DriftTable): Promise<ComparedColumn[]> {
    const unjudged = (why: string) => {
      this.note(why, 'prediction');
      return [];
    };
    const name = ['prediction', 'predicted'].find((column) => predicted.columns.has(column));
    if (name === undefined) return unjudged("no such column in the reference's predictions");
    if (!served.columns.has('prediction')) return unjudged('not in the window');
    const tooFew = this.tooFew(predicted.rows, "rows of the reference's predictions");
    if (tooFew !== undefined) return unjudged(tooFew);
    return this.compared([
      [
        { table: predicted, name },
        { table: served, name: 'prediction' },
      ],
    ]);
  }

  private tooFew(rows: number, what: string): string | undefined {
    return rows < this.rules.minRows ? `too few ${what}: ${rows} of ${this.rules.minRows}` : undefined;
  }

  private note(why: string, name: string): void {
    this.unjudged.set(why, [...(this.unjudged.get(why) ?? []), name]);
  }
}
