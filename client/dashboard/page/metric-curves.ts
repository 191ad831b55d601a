/** Values of a metric as a step reported them. */
export interface MetricValue {
  readonly stepId: string;
  readonly attempt: number;
  readonly name: string;
  readonly value: number;
  readonly step?: number;
  readonly t: number;
}

export interface MetricPlot {
  readonly name: string;
  readonly lines: readonly string[];
  readonly x: readonly number[];
  /** One for each line, `null` where it has no value. */
  readonly ys: ReadonlyArray<ReadonlyArray<number | null>>;
  readonly last: number | undefined;
}

/** More would be more than there are pixels. */
const mostPoints = 2_000;

/**
 * Plots by metric, lines by step and attempt; x is the step that was reported, else the number of the value. Where there
 * are more values than pixels, of each stretch its lowest and highest are kept, so that no spike is lost.
 */
export function curvesOf(metrics: readonly MetricValue[]): MetricPlot[] {
  const plots = new Map<string, Map<string, Array<readonly [number, number]>>>();
  for (const { name, stepId, attempt, step, value } of metrics) {
    const lines = plots.get(name) ?? new Map<string, Array<readonly [number, number]>>();
    plots.set(name, lines);
    const label = attempt > 1 ? `${stepId} (attempt ${attempt})` : stepId;
    const line = lines.get(label) ?? [];
    lines.set(label, line);
    line.push([step ?? line.length, value]);
  }
  return [...plots].map(([name, lines]) => plotOf(name, lines));
}

function plotOf(name: string, lines: ReadonlyMap<string, Array<readonly [number, number]>>): MetricPlot {
  const thinned = [...lines].map(([label, points]) => [label, thin(points)] as const);
  const x = [...new Set(thinned.flatMap(([, points]) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(x.map((at, n) => [at, n]));
  const ys = thinned.map(([, points]) => {
    const y = Array.from<number | null>({ length: x.length }).fill(null);
    for (const [at, value] of points) y[place.get(at) ?? 0] = value;
    return y;
  });
  return { name, lines: thinned.map(([label]) => label), x, ys, last: thinned.at(-1)?.[1].at(-1)?.[1] };
}

/** The first, the last, and of each stretch between the lowest and the highest, in order. */
export function thin(
  points: ReadonlyArray<readonly [number, number]>,
  most = mostPoints,
): ReadonlyArray<readonly [number, number]> {
  if (points.length <= most) return points;
  const stretches = Math.max(1, Math.floor(most / 2) - 1);
  const kept = new Set([0, points.length - 1]);
  for (let n = 0; n < stretches; n += 1) {
    const from = Math.floor((n * points.length) / stretches);
    const to = Math.floor(((n + 1) * points.length) / stretches);
    let low = from;
    let high = from;
    for (let at = from; at < to; at += 1) {
      if (valueAt(points, at) < valueAt(points, low)) low = at;
      if (valueAt(points, at) > valueAt(points, high)) high = at;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b).flatMap((at) => (points[at] === undefined ? [] : [points[at]]));
}

function valueAt(points: ReadonlyArray<readonly [number, number]>, at: number): number {
  return points[at]?.[1] ?? 0;
}
