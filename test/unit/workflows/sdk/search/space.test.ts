import { describe, expect, it } from 'vitest';
import { openPoints } from '../../../../../workflows/sdk/search/point-samplers.js';
import {
  categorical,
  checkParams,
  checkSpace,
  float,
  hasValue,
  int,
  isParameter,
  type Parameter,
  type Space,
} from '../../../../../workflows/sdk/search/space.js';

const refused = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    return String((error as Error).message);
  }
  return 'it was accepted';
};

describe('parameters', () => {
  it.each([
    ['a logarithm of 0', () => float(0, 1, { log: true }), 'no logarithm of 0'],
    ['min above max', () => int(5, 2), 'min is above max'],
    ['a bound that is NaN', () => float(Number.NaN, 1), 'no usable number'],
    ['a bound of a whole number that is none', () => int(0.5, 2), 'no usable number'],
    ['log with step', () => float(1, 2, { log: true, step: 0.1 }), 'exclude each other'],
    ['a step of 0', () => float(1, 2, { step: 0 }), 'step is 0'],
    ['an unknown option', () => float(1, 2, { stepp: 1 } as never), 'Did you mean "step"'],
    ['no values', () => categorical([]), 'there is no value'],
    ['a value twice', () => categorical(['a', 'a']), 'twice'],
    ['a value that is an object', () => categorical([{} as never]), '{} is no value'],
  ])('refuse %s', (_, make, says) => {
    expect(refused(make)).toContain(says);
  });
});

describe('a space', () => {
  const check = (space: unknown) => () => checkSpace('search "s"', space);
  it.each([
    ['that is empty', {}, 'nothing in it varies'],
    ['of constants', { rate: 0.1 }, 'nothing in it varies'],
    ['that is a list', [int(1, 2)], 'Give an object'],
    ['with a range as written by hand', { rate: [0, 1] }, 'Use float(), int()'],
    ['with a constant that is NaN', { rate: Number.NaN, x: int(1, 2) }, 'Use float(), int()'],
    ['with a number as a name', { 1: int(1, 2) }, 'no usable name'],
    ['with a missing parent', { x: int(1, 2, { when: { kind: 'a' } }) }, 'no parameter "kind" before it'],
    ['with a parent after it', { x: int(1, 2, { when: { k: 'a' } }), k: categorical(['a']) }, '"k" before it'],
    ['with a parent that is continuous', { k: float(0, 1), x: int(1, 2, { when: { k: 1 } }) }, 'no categorical or int'],
    ['with a condition that never holds', { k: categorical(['a']), x: int(1, 2, { when: { k: 'b' } }) }, 'never "b"'],
  ])('%s is refused', (_, space, says) => {
    expect(refused(check(space))).toContain(says);
  });

  it('takes what is a point of it, and nothing else', () => {
    const space = { kind: categorical(['svm', 'tree']), c: float(0.1, 10, { when: { kind: 'svm' } }), seed: 7 };
    checkSpace('s', space);
    expect(checkParams('guess', space, { kind: 'svm', c: 1, seed: 7 })).toEqual({ kind: 'svm', c: 1, seed: 7 });
    expect(checkParams('guess', space, { kind: 'tree', seed: 7 })).toEqual({ kind: 'tree', seed: 7 });
    expect(refused(() => checkParams('guess', space, { kind: 'svm', c: 11, seed: 7 }))).toContain('c: it is 11');
    expect(refused(() => checkParams('guess', space, { kind: 'tree', c: 1, seed: 7 }))).toContain('no such parameter');
    expect(refused(() => checkParams('guess', space, { kind: 'tree', seed: 8 }))).toContain('seed');
  });
});

describe('samplers that look at no result', () => {
  const space = {
    rate: float(1e-4, 1, { log: true }),
    share: float(0, 0.3, { step: 0.1 }),
    depth: int(2, 12),
    width: int(1, 1000, { log: true }),
    kind: categorical(['a', 'b', 'c']),
    degree: int(2, 4, { when: { kind: ['a', 'b'] } }),
    constant: 'x',
  };

  it.each(['random', 'quasi-random'] as const)('%s: draws points of the space, by seed and number alone', (kind) => {
    const points = openPoints('s', { kind }, space, 1);
    const drawn = Array.from({ length: 500 }, (_, n) => points(n));
    for (const params of drawn) expect(checkParams('point', space, params as Record<string, unknown>)).toEqual(params);
    expect(openPoints('s', { kind }, space, 1)(123)).toEqual(drawn[123]);
    expect(openPoints('s', { kind }, space, 2)(123)).not.toEqual(drawn[123]);
    expect(drawn.filter((params) => params !== undefined && 'degree' in params).length).toBeGreaterThan(250);
    expect(new Set(drawn.map((params) => params?.['share']))).toEqual(new Set([0, 0.1, 0.2, 0.3]));
    // The median of a logarithmic parameter is the geometric middle: 0.01, and about 32.
    const middle = (name: string) =>
      drawn.map((params) => params?.[name] as number).sort((a, b) => a - b)[250] as number;
    expect(Math.abs(Math.log10(middle('rate')) + 2)).toBeLessThan(0.4);
    expect(Math.abs(Math.log10(middle('width')) - 1.5)).toBeLessThan(0.3);
  });

  it('quasi-random points cover a square more evenly than random ones', () => {
    const square = { x: float(0, 1), y: float(0, 1) };
    const emptyCells = (kind: 'random' | 'quasi-random', seed: number) => {
      const points = openPoints('s', { kind }, square, seed);
      const cells = new Set<number>();
      for (let n = 0; n < 128; n++) {
        const { x, y } = points(n) as { x: number; y: number };
        cells.add(Math.floor(x * 8) * 8 + Math.floor(y * 8));
      }
      return 64 - cells.size;
    };
    for (let seed = 0; seed < 5; seed++) {
      expect(emptyCells('quasi-random', seed)).toBeLessThan(emptyCells('random', seed));
      expect(emptyCells('quasi-random', seed)).toBeLessThanOrEqual(2);
    }
  });

  it('a grid visits each combination once, conditional parameters only where they exist', () => {
    const branches: Space = {
      kind: categorical(['a', 'b']),
      depth: int(1, 3),
      c: float(0, 1, { when: { kind: 'b' } }),
      s: 1,
    };
    const points = openPoints('s', { kind: 'grid', points: 2 }, branches, 0);
    const all = Array.from({ length: 20 }, (_, n) => points(n)).filter((point) => point !== undefined);
    expect(all).toHaveLength(2 + 4);
    expect(all[0]).toEqual({ kind: 'a', depth: 1, s: 1 });
    expect(all.at(-1)).toEqual({ kind: 'b', depth: 3, c: 1, s: 1 });
    expect(new Set(all.map((point) => JSON.stringify(point))).size).toBe(6);
  });

  it('a grid without an end is refused, as is one of a number without steps', () => {
    const grid = (of: Space) => () => openPoints('s', { kind: 'grid' }, of, 0);
    expect(refused(grid({ x: float(0, 1) }))).toContain('a grid needs its steps');
    expect(refused(grid({ x: int(1, 1000), y: int(1, 1000) }))).toContain('more than 5000 points');
  });

  it('tells a value of a parameter from others', () => {
    for (const part of Object.values(space))
      if (isParameter(part)) expect(hasValue(part as Parameter, 'zzz')).toBe(false);
    expect(hasValue(space.share, 0.1 + 0.2)).toBe(true);
    expect(hasValue(space.depth, 2.5)).toBe(false);
  });
});
