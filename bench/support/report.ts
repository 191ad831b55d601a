export type BenchRow = MeasuredRow | FailedRow;

/** One measured figure. `ratio` compares with the row's peer in the same run; `ok` whether it reached its goal. */
export interface MeasuredRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Smallest and largest of the runs behind the median `value`. */
  readonly spread?: readonly [number, number];
  readonly ratio?: number;
  /** It is another system's: `ratio` is how many times ours. */
  readonly peer?: true;
  readonly goal?: string;
  readonly ok?: boolean;
  /** Why there are fewer runs behind it than there should be, say. */
  readonly note?: string;
}

/** What could not be measured, and why. */
export interface FailedRow {
  readonly name: string;
  readonly failed: string;
}

export interface BenchReport {
  readonly bench: string;
  readonly date: string;
  readonly machine: string;
  readonly rows: readonly BenchRow[];
}

export interface BenchOptions {
  /** Only a few of everything: shows that the benchmark runs; its figures say nothing. */
  readonly smoke: boolean;
  /** The sizes that take long, too. */
  readonly large: boolean;
}

export type Bench = (say: (line: string) => void, options: BenchOptions) => Promise<readonly BenchRow[]>;

export function printReport(report: BenchReport, json: boolean): void {
  console.log(`${report.bench}, ${report.date}, ${report.machine}`);
  for (const row of report.rows) {
    if ('failed' in row) {
      console.log(`  ${row.name}: failed: ${row.failed}`);
      continue;
    }
    const { name, value, unit, spread, ratio, goal, ok, note } = row;
    const range = spread === undefined ? '' : ` (${round(spread[0])}–${round(spread[1])})`;
    const against = ratio === undefined ? '' : `, ratio ${round(ratio)}`;
    const verdict = goal === undefined ? '' : `, goal ${goal}: ${ok ? 'reached' : 'missed'}`;
    console.log(
      `  ${name}: ${round(value)} ${unit}${range}${against}${verdict}${note === undefined ? '' : ` (${note})`}`,
    );
  }
  if (json) console.log(JSON.stringify(report));
}

export function round(value: number): number {
  return Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The median of a's ratios to b, each with that of the same round. */
export function pairwise(a: readonly number[], b: readonly number[]): number {
  return median(a.slice(0, b.length).map((value, round) => value / (b[round] ?? Number.NaN)));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function spread(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
