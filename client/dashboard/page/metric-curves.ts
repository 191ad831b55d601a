/** A line of a plot. */
export interface Curve {
  /** Of the plot. */
  readonly name: string;
  readonly label: string;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
}

export interface MetricPlot {
  readonly name: string;
  readonly lines: readonly string[];
  readonly x: readonly number[];
  /** One for each line, `null` where it has no value. */
  readonly ys: ReadonlyArray<ReadonlyArray<number | null>>;
  /** Of a single line. */
  readonly last: number | undefined;
}

/** Plots by name, each with the lines of that name over all of their x. */
export function plotsOf(curves: readonly Curve[]): MetricPlot[] {
  const plots = new Map<string, Curve[]>();
  for (const curve of curves) plots.set(curve.name, [...(plots.get(curve.name) ?? []), curve]);
  return [...plots].map(([name, lines]) => plotOf(name, lines));
}

function plotOf(name: string, lines: readonly Curve[]): MetricPlot {
  const x = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(x.map((at, n) => [at, n]));
  const ys = lines.map(({ points }) => {
    const y = Array.from<number | null>({ length: x.length }).fill(null);
    for (const [at, value] of points) y[place.get(at) ?? 0] = value;
    return y;
  });
  const last = lines.length === 1 ? lines[0]?.points.at(-1)?.[1] : undefined;
  return { name, lines: lines.map(({ label }) => label), x, ys, last };
}
