/**
 * The normal distribution function. Marsaglia, Evaluating the Normal Distribution (2004): 1/2 + φ(z)·(z + z³/3 + z⁵/(3·5)
 * + …); absolute error below 1e-15.
 */
export function normalShareBelow(z: number): number {
  // What is left out there is below 1e-18, and the series would overflow.
  if (Math.abs(z) > 9) return z > 0 ? 1 : 0;
  let [term, sum] = [z, z];
  for (let odd = 3; Math.abs(term) > 1e-17 * Math.abs(sum); odd += 2) {
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}
