const shrink = (Math.sqrt(5) - 1) / 2;
/** Leaves 4·10⁻⁹ of the interval, near which a convex function hardly changes. */
const rounds = 40;

/** The least value of a convex function between two points, by golden-section search (Kiefer, 1953). */
export function leastOfConvex(of: (x: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  let [left, right] = [high - shrink * (high - low), low + shrink * (high - low)];
  let [atLeft, atRight] = [of(left), of(right)];
  for (let round = 0; round < rounds; round++) {
    if (atLeft < atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - shrink * (high - low);
      atLeft = of(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + shrink * (high - low);
      atRight = of(right);
    }
  }
  return Math.min(atLeft, atRight, of(from), of(to));
}
