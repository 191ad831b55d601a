import { expect, it } from 'vitest';
import { leastOfConvex } from '../../../../activities/statistics/least-of-convex.js';

it.each([
  ['inside', (x: number) => (x - 0.3) ** 2 + 5, 5],
  ['at the start', (x: number) => x, 0],
  ['at the end', (x: number) => -x, -1],
  ['at the only point where it is finite', (x: number) => (x === 0 ? 2 : Infinity), 2],
  ['between walls', (x: number) => (x === 0 || x === 1 ? Infinity : -Math.log(x) - Math.log(1 - x)), 2 * Math.log(2)],
])('finds the least value of a convex function %s', (_, of, least) => {
  expect(leastOfConvex(of, 0, 1)).toBeCloseTo(least, 8);
});
