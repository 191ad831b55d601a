import { describe, expect, it } from 'vitest';
import { median, medianDifference } from '../../support/median-difference.js';
import { seeded } from '../../support/random.js';

const uniform = seeded(1);
const values = Array.from({ length: 20 }, uniform);

describe('the difference of medians', () => {
  it('of pairs that differ by a constant is that constant, without any doubt', () => {
    const shifted = values.map((value) => value + 2);
    const { difference, from, to } = medianDifference(shifted, values, 1);
    for (const one of [difference, from, to]) expect(one).toBeCloseTo(2, 12);
  });

  it('has 0 in its interval where two samples are of one population, and not where one is moved far', () => {
    const others = Array.from({ length: 20 }, uniform);
    const { difference, from, to } = medianDifference(values, others, 1);
    expect(difference).toBe(median(values) - median(others));
    expect(from).toBeLessThan(0);
    expect(to).toBeGreaterThan(0);
    const moved = others.map((value) => value + 1);
    expect(medianDifference(moved, values, 1).from).toBeGreaterThan(0);
  });
});
