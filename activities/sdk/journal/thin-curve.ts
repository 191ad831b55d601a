/** x and y. */
export type CurvePoint = readonly [x: number, y: number];

interface Numbered {
  readonly n: number;
  readonly at: CurvePoint;
}

/** So many points that come one after the other: the lowest and the highest. */
interface Stretch {
  low: Numbered;
  high: Numbered;
}

/**
 * A curve of as many points as come, in the memory of a few: of each stretch its lowest and highest value are kept, so
 * that no spike is lost, and all stretches are equally long. Whenever there are too many stretches each two become one.
 */
export class ThinCurve {
  /** How many points came. */
  count = 0;
  private first: Numbered | undefined;
  private last: Numbered | undefined;
  private stretches: Stretch[] = [];
  private perStretch = 1;
  private inLast = 0;

  /** @param most stretches, at least 2 */
  constructor(private readonly most: number) {}

  add(at: CurvePoint): void {
    const point = { n: this.count, at };
    this.count += 1;
    this.first ??= point;
    this.last = point;
    const stretch = this.stretches.at(-1);
    if (stretch === undefined || this.inLast === this.perStretch) {
      if (this.stretches.length >= this.most) this.halve();
      this.stretches.push({ low: point, high: point });
      this.inLast = 1;
      return;
    }
    this.inLast += 1;
    if (at[1] < stretch.low.at[1]) stretch.low = point;
    if (at[1] > stretch.high.at[1]) stretch.high = point;
  }

  /** In their order; at most two for each stretch, and the first and the last. */
  points(): CurvePoint[] {
    const kept = new Map<number, CurvePoint>();
    for (const one of [this.first, ...this.stretches.flatMap(inOrder), this.last]) if (one) kept.set(one.n, one.at);
    return [...kept.values()];
  }

  /** An odd one at the end stays as it is, and goes on to be filled. */
  private halve(): void {
    const before = this.stretches;
    this.stretches = [];
    for (let n = 0; n < before.length; n += 2) {
      const [a, b] = [before[n] as Stretch, before[n + 1]];
      if (b === undefined) this.stretches.push(a);
      else
        this.stretches.push({
          low: b.low.at[1] < a.low.at[1] ? b.low : a.low,
          high: b.high.at[1] > a.high.at[1] ? b.high : a.high,
        });
    }
    this.perStretch *= 2;
  }
}

/** As many points as two for each of so many stretches. */
export function thinned(points: readonly CurvePoint[], stretches: number): readonly CurvePoint[] {
  if (points.length <= 2 * stretches) return points;
  const curve = new ThinCurve(stretches);
  for (const point of points) curve.add(point);
  return curve.points();
}

function inOrder({ low, high }: Stretch): Numbered[] {
  return low.n <= high.n ? [low, high] : [high, low];
}
