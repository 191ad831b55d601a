import { describe, expect, it } from 'vitest';
import {
  fewestRows,
  mostResampledRows,
  normalQuantile,
  type PairedScores,
  pairedGain,
} from '../../../../activities/evaluation/paired-bootstrap.js';
import { randomIntegers } from '../../../../activities/evaluation/random-integers.js';

const scores = (length: number, score: (row: number) => number) =>
  Float64Array.from({ length }, (_, row) => score(row));
const compare = (challenger: Float64Array, champion: Float64Array, more: Partial<PairedScores> = {}) =>
  pairedGain({
    ...{ challenger, champion, summary: 'mean', direction: 'maximize', threshold: 0, confidence: 0.95, seed: 1 },
    ...more,
  });

/**
 * From SciPy 1.17.1, with
 *   i = np.arange(200); a = (i * 7919 % 1000) / 1000; b = (i * 104729 % 997) / 1000 - 0.05 * (i % 3)
 *   mean = lambda x, y, axis=-1: x.mean(axis) - y.mean(axis)
 *   rmse = lambda x, y, axis=-1: np.sqrt((y**2).mean(axis)) - np.sqrt((x**2).mean(axis))
 *   r = bootstrap((a, b), mean, paired=True, method="percentile", alternative="greater", confidence_level=0.95,
 *                 n_resamples=400_000, batch=5_000, random_state=1)
 *   print(mean(a, b), r.confidence_interval.low, r.standard_error)
 */
const fromScipy = {
  mean: { gain: 0.060535, error: 0.029127, bounds: { 0.9: 0.023205, 0.95: 0.01272, 0.99: -0.007255 } },
  rootMean: { gain: -0.052752914, error: 0.026037, bounds: { 0.9: -0.086085, 0.95: -0.09554, 0.99: -0.113083 } },
};
const a = scores(200, (i) => ((i * 7919) % 1000) / 1000);
const b = scores(200, (i) => ((i * 104729) % 997) / 1000 - 0.05 * (i % 3));
const squares = (values: Float64Array) => values.map((value) => value ** 2);

describe('the paired bootstrap', () => {
  it.each([
    ['mean', 0.9],
    ['mean', 0.95],
    ['mean', 0.99],
    ['rootMean', 0.9],
    ['rootMean', 0.95],
    ['rootMean', 0.99],
  ] as const)('of a %s at %d agrees with SciPy', (summary, confidence) => {
    const { gain, error, bounds } = fromScipy[summary];
    const run = (seed: number) =>
      summary === 'mean'
        ? compare(a, b, { confidence, seed })
        : compare(squares(a), squares(b), { summary, direction: 'minimize', confidence, seed });
    const found = Array.from({ length: 25 }, (_, seed) => run(seed));
    expect(found[0]?.gain).toBeCloseTo(gain, 8);
    // With 2,000 resamples a bound varies by about 0.05 (0.08 at 0.99) standard errors from seed to seed.
    for (const { gainAtLeast } of found) expect(Math.abs(gainAtLeast - bounds[confidence])).toBeLessThan(error * 0.35);
    const mean = found.reduce((sum, { gainAtLeast }) => sum + gainAtLeast, 0) / found.length;
    expect(Math.abs(mean - bounds[confidence])).toBeLessThan(error * 0.05);
  });

  it('answers the same for the same seed, and not quite for another', () => {
    expect(compare(a, b, { seed: 3 })).toEqual(compare(a, b, { seed: 3 }));
    expect(compare(a, b, { seed: 3 }).gainAtLeast).not.toBe(compare(a, b, { seed: 4 }).gainAtLeast);
  });

  it('counts less as better where it minimizes', () => {
    const [up, down] = [compare(a, b), compare(b, a, { direction: 'minimize' })];
    expect(down.gain).toBeCloseTo(up.gain, 12);
    expect(down.gainAtLeast).toBeCloseTo(up.gainAtLeast, 12);
    expect([up.isBetter, down.isBetter]).toEqual([true, true]);
    expect(compare(a, b, { direction: 'minimize' })).toMatchObject({ isBetter: false });
  });

  it.each(['mean', 'rootMean'] as const)(
    'of a %s takes one of two equal models for better as often as asked',
    (summary) => {
      let better = 0;
      for (let seed = 0; seed < 400; seed++) {
        const next = randomIntegers(seed + 1_000_000);
        const uniform = () => next() / 2 ** 32;
        const difficulty = scores(60, uniform);
        const model = () => difficulty.map((hard) => (hard + uniform()) ** 2);
        if (compare(model(), model(), { summary, seed }).isBetter) better += 1;
      }
      expect(better / 400).toBeLessThanOrEqual(0.08);
      expect(better / 400).toBeGreaterThanOrEqual(0.02);
    },
  );

  it('of rights and wrongs takes one of two equal models for better as often as asked', () => {
    let better = 0;
    for (let seed = 0; seed < 400; seed++) {
      const next = randomIntegers(seed + 2_000_000);
      const model = () => scores(80, () => (next() < 0.8 * 2 ** 32 ? 1 : 0));
      if (compare(model(), model(), { seed }).isBetter) better += 1;
    }
    expect(better / 400).toBeLessThanOrEqual(0.08);
  });

  it('needs fewer rows than two intervals side by side, since what is hard for both cancels out', () => {
    const champion = scores(50, (row) => (row * 37) % 50);
    const challenger = champion.map((score, row) => score + (row % 2 === 0 ? 1.5 : -0.5));
    expect(compare(challenger, champion)).toMatchObject({ gain: 0.5, isBetter: true });
  });
});

describe('the paired bootstrap of groups', () => {
  const groups = (sizes: readonly number[]) =>
    Float64Array.from(sizes.flatMap((size, n) => Array<number>(size).fill(n)));
  const each = (count: number, size: number) => groups(Array<number>(count).fill(size));

  /**
   * From SciPy 1.17.1, with a and b as above, g = i // 8 (25 groups of 8), and
   *   A = a.reshape(25, 8).sum(1); B = b.reshape(25, 8).sum(1); n = np.full(25, 8)
   *   mean = lambda x, y, n, axis=-1: (x.sum(axis) - y.sum(axis)) / n.sum(axis)
   *   bootstrap((A, B, n), mean, paired=True, …)
   */
  it('agrees with SciPy’s of the groups’ sums', () => {
    const found = Array.from({ length: 25 }, (_, seed) => compare(a, b, { groups: each(25, 8), seed }));
    expect(found[0]?.gain).toBeCloseTo(fromScipy.mean.gain, 8);
    const mean = found.reduce((sum, { gainAtLeast }) => sum + gainAtLeast, 0) / found.length;
    expect(Math.abs(mean - -0.03527)).toBeLessThan(0.058625 * 0.05);
  });

  it('of one row each is that of the rows', () => {
    expect(compare(a, b, { groups: each(200, 1) })).toEqual(compare(a, b));
  });

  it('takes one of two equal models for better as often as asked, where rows by themselves would much oftener', () => {
    const better = { rows: 0, groups: 0 };
    const sizes = Array.from({ length: 30 }, (_, n) => 4 + (n % 9));
    for (let seed = 0; seed < 400; seed++) {
      const next = randomIntegers(seed + 3_000_000);
      const uniform = () => next() / 2 ** 32;
      const model = () => Float64Array.from(sizes.flatMap((size) => Array<number>(size).fill(uniform())));
      const [one, other] = [model(), model()];
      if (compare(one, other, { seed }).isBetter) better.rows++;
      if (compare(one, other, { seed, groups: groups(sizes) }).isBetter) better.groups++;
    }
    expect(better.groups / 400).toBeLessThanOrEqual(0.08);
    expect(better.groups / 400).toBeGreaterThanOrEqual(0.02);
    expect(better.rows / 400).toBeGreaterThan(0.2);
  });

  it('needs enough of them, however many rows they have', () => {
    const [one, none] = [scores(400, () => 1), scores(400, () => 0)];
    expect(compare(one, none, { groups: each(4, 100) }).isBetter).toBe(false);
    expect(compare(one, none, { groups: each(5, 80) }).isBetter).toBe(true);
  });

  it('above the number that is resampled, has about the bootstrap’s bound', () => {
    const count = mostResampledRows;
    const many = (size: number) => scores(size, (i) => ((i * 7919) % 10_007) / 10_007);
    const other = (size: number) => scores(size, (i) => ((i * 104_729) % 10_009) / 10_009);
    const spread = (of: number) => {
      const { gain, gainAtLeast } = compare(many(2 * of), other(2 * of), { groups: each(of, 2), summary: 'rootMean' });
      return gain - gainAtLeast;
    };
    expect(Math.abs(spread(count) - spread(count + 1))).toBeLessThan(spread(count + 1) * 0.12);
  });
});

describe('what is better', () => {
  it('is no equal model, also with a sign on its zero', () => {
    for (const direction of ['maximize', 'minimize'] as const) {
      const same = compare(a, a, { direction });
      expect(Object.is(same.gain, 0) && Object.is(same.gainAtLeast, 0)).toBe(true);
      expect(same.isBetter).toBe(false);
    }
    expect(compare(a, a, { threshold: -0 }).isBetter).toBe(false);
    expect(compare(a, a, { threshold: -1e-6 }).isBetter).toBe(true);
  });

  it.each([0.1, 0.3, 0.7, 1 / 3])('is no gain of exactly the threshold %d, however it is rounded', (threshold) => {
    expect(
      compare(
        scores(999, () => 0.2 + threshold),
        scores(999, () => 0.2),
        { threshold },
      ),
    ).toMatchObject({
      isBetter: false,
    });
    const large = mostResampledRows + 1;
    expect(
      compare(
        scores(large, () => 0.2 + threshold),
        scores(large, () => 0.2),
        { threshold },
      ).isBetter,
    ).toBe(false);
  });

  it('is never shown by fewer rows than chance needs', () => {
    expect([0.75, 0.9, 0.95, 0.99].map(fewestRows)).toEqual([2, 4, 5, 7]);
    const better = (rows: number) =>
      compare(
        scores(rows, () => 1),
        scores(rows, () => 0),
      ).isBetter;
    expect([1, 2, 4, 5].map(better)).toEqual([false, false, false, true]);
  });
});

describe('above the rows that are resampled', () => {
  const rows = mostResampledRows;
  const one = scores(rows + 1, (i) => ((i * 7919) % 10_007) / 10_007);
  const other = scores(rows + 1, (i) => ((i * 104_729) % 10_009) / 10_009);

  it.each(['mean', 'rootMean'] as const)('the normal bound of a %s is about the bootstrap’s', (summary) => {
    const bound = compare(one, other, { summary });
    const spread = bound.gain - bound.gainAtLeast;
    expect(spread).toBeGreaterThan(0);
    const resampled = compare(one.subarray(0, rows), other.subarray(0, rows), { summary });
    expect(Math.abs(resampled.gain - resampled.gainAtLeast - spread)).toBeLessThan(spread * 0.12);
  });

  it('a model without any error is better than one with, and no number is lost', () => {
    const none = scores(rows + 1, () => 0);
    expect(compare(none, one, { summary: 'rootMean', direction: 'minimize' })).toMatchObject({ isBetter: true });
    expect(compare(none, none, { summary: 'rootMean', direction: 'minimize' })).toMatchObject({
      gain: 0,
      gainAtLeast: 0,
    });
  });
});

it.each([
  [0.51, 0.02506890825871106],
  [0.9, 1.2815515655446004],
  [0.95, 1.6448536269514722],
  [0.999, 3.090232306167813],
  [1 - 1e-9, 5.997807019601637],
])('the normal quantile of %d is that of scipy.stats.norm.ppf', (share, z) => {
  expect(normalQuantile(share)).toBeCloseTo(z, 5);
});
