/** A square matrix by rows, times e^log. */
interface Scaled {
  readonly cells: Float64Array;
  readonly log: number;
}

/**
 * P(D ≤ d) of the Kolmogorov–Smirnov statistic of n values, exactly: n! / nⁿ times the middle element of the n-th power of
 * Durbin's matrix (G. Marsaglia, W. W. Tsang and J. Wang, "Evaluating Kolmogorov's distribution", 2003). It takes
 * (2·n·d)³·log₂ n multiplications, so n·d is to be small.
 */
export function durbinProbability(n: number, d: number): number {
  if (n * d <= 0.5) return 0;
  const k = Math.ceil(n * d);
  const size = 2 * k - 1;
  const middle = (k - 1) * size + k - 1;
  let square: Scaled = { cells: durbinMatrix(k, k - n * d), log: 0 };
  let power: Scaled | undefined;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = power === undefined ? square : product(power, square, size, middle);
    if (rest > 1) square = product(square, square, size, middle);
  }
  let log = power?.log ?? 0;
  for (let i = 1; i <= n; i++) log += Math.log(i / n);
  return (power?.cells[middle] ?? 0) * Math.exp(log);
}

function durbinMatrix(k: number, h: number): Float64Array {
  const size = 2 * k - 1;
  const cells = new Float64Array(size * size);
  const inverse = [1];
  for (let j = 1; j <= size; j++) inverse.push((inverse[j - 1] ?? 0) / j);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= Math.min(row + 1, size - 1); column++) {
      cells[row * size + column] = inverse[row - column + 1] ?? 0;
    }
  }
  for (let j = 0; j < size; j++) {
    const edge = (1 - h ** (j + 1)) * (inverse[j + 1] ?? 0);
    cells[j * size] = edge;
    cells[(size - 1) * size + size - 1 - j] = edge;
  }
  const corner = 1 - 2 * h ** size + Math.max(2 * h - 1, 0) ** size;
  cells[(size - 1) * size] = corner * (inverse[size] ?? 0);
  return cells;
}

/** Scaled by its middle element, which grows like e^n. */
function product(one: Scaled, other: Scaled, size: number, middle: number): Scaled {
  const cells = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let inner = 0; inner < size; inner++) {
      const factor = one.cells[row * size + inner] ?? 0;
      if (factor === 0) continue;
      for (let column = 0; column < size; column++) {
        const at = row * size + column;
        cells[at] = (cells[at] ?? 0) + factor * (other.cells[inner * size + column] ?? 0);
      }
    }
  }
  const scale = cells[middle] ?? 0;
  if (!(scale > 0)) return { cells, log: one.log + other.log };
  return { cells: cells.map((cell) => cell / scale), log: one.log + other.log + Math.log(scale) };
}
