import { describe, expect, it } from 'vitest';
import { explore } from '../../../../../../workflows/sdk/search/schedulers/explore.js';
import type { Parameter, Scalar, Space } from '../../../../../../workflows/sdk/search/space.js';
import { seeded } from '../../../../../support/random.js';

/** One parameter, `x`; `random` says these numbers in turn, a draw says "drawn". */
function explored(x: Parameter, value: Scalar | null, ...numbers: number[]): unknown {
  const random = () => numbers.shift() ?? expect.fail('one number too many');
  return explore({ x }, { x: value }, random, () => 'drawn')['x'];
}

const down = 0.1;
const up = 0.9;

describe('the parameters near others', () => {
  it.each<[string, Parameter, Scalar | null, number[], unknown]>([
    ['a number, less', { kind: 'float', min: 0, max: 10 }, 5, [down], 4],
    ['a number, more', { kind: 'float', min: 0, max: 10 }, 5, [up], 6],
    ['a number at its bound', { kind: 'float', min: 0, max: 5.5 }, 5, [up], 5.5],
    ['a negative number, away from 0', { kind: 'float', min: -10, max: 10 }, -5, [up], -6],
    ['a number in the logarithm', { kind: 'float', min: 1e-5, max: 1, log: true }, 0.01, [down], 0.008],
    [
      'a number at the lower bound of its logarithm',
      { kind: 'float', min: 0.009, max: 1, log: true },
      0.01,
      [down],
      0.009,
    ],
    ['a 0, drawn', { kind: 'float', min: -1, max: 1 }, 0, [up], 'drawn'],
    ['a number on steps', { kind: 'float', min: 0, max: 10, step: 0.5 }, 5, [up], 6],
    ['a number on steps from elsewhere', { kind: 'float', min: 1, max: 10, step: 2 }, 5, [down], 3],
    ['a number that the factor leaves on its step', { kind: 'float', min: 0, max: 10, step: 4 }, 4, [up], 8],
    ['a number on its last step', { kind: 'float', min: 0, max: 10, step: 4 }, 8, [up], 8],
    ['a number to its last step', { kind: 'float', min: 0, max: 0.3, step: 0.1 }, 0.2, [up], 0.3],
    ['a 0 on steps', { kind: 'float', min: -1, max: 1, step: 0.5 }, 0, [up], 0.5],
    ['an int', { kind: 'int', min: 1, max: 100 }, 32, [up], 38],
    ['an int that rounding would leave', { kind: 'int', min: 1, max: 9 }, 2, [up], 3],
    ['an int that rounding would leave, less', { kind: 'int', min: 1, max: 9 }, 2, [down], 1],
    ['a negative int that rounding would leave', { kind: 'int', min: -9, max: 9 }, -2, [up], -3],
    ['an int at its bound', { kind: 'int', min: 1, max: 9, log: true }, 1, [down], 1],
    ['an int on steps', { kind: 'int', min: 16, max: 128, step: 16 }, 64, [up], 80],
    ['a value of a list, the one before', { kind: 'categorical', values: ['a', 'b', 'c'] }, 'b', [up, down], 'a'],
    ['a value of a list, the one after', { kind: 'categorical', values: ['a', 'b', 'c'] }, 'b', [up, up], 'c'],
    ['the last value of a list', { kind: 'categorical', values: ['a', 'b', 'c'] }, 'c', [up, up], 'c'],
    ['a value of a list, any', { kind: 'categorical', values: ['a', 'b', 'c'] }, 'c', [0.24, 0.1], 'a'],
    ['a value that the list lacks', { kind: 'categorical', values: ['a', 'b'] }, 'z', [], 'drawn'],
    ['a number out of bounds', { kind: 'float', min: 0, max: 1 }, 2, [down], 1],
    ['a text for a number', { kind: 'int', min: 0, max: 1 }, '1', [], 'drawn'],
    ['nothing', { kind: 'int', min: 0, max: 1 }, null, [], 'drawn'],
  ])('are right for %s', (_, parameter, value, numbers, expected) => {
    const found = explored(parameter, value, ...numbers);
    if (typeof expected === 'number') expect(found).toBeCloseTo(expected, 12);
    else expect(found).toBe(expected);
  });

  const space: Space = {
    fast: true,
    model: { kind: 'categorical', values: ['tree', 'linear', 'forest'] },
    depth: { kind: 'int', min: 1, max: 10, when: { model: ['tree', 'forest'] } },
    trees: { kind: 'int', min: 10, max: 100, when: { model: 'forest' } },
    subset: { kind: 'float', min: 0.1, max: 1, step: 0.1, when: { trees: [12, 80], fast: true } },
    penalty: { kind: 'float', min: 1e-4, max: 1, log: true, when: { model: 'linear' } },
  };
  const drawn: Record<string, Scalar> = { depth: 3, trees: 12, subset: 0.5, penalty: 0.1 };
  const draw = (name: string): Scalar => drawn[name] ?? expect.fail(`drew ${name}`);

  it('drop a parameter whose condition no longer holds, draw a new one, and leave constants alone', () => {
    // Resampled: the first, second or third value of the list.
    const to = (third: number) => {
      const numbers = [0, third, ...Array<number>(9).fill(up)];
      return explore(space, { depth: 5, model: 'tree', fast: true }, () => numbers.shift() ?? 0, draw);
    };
    expect(to(0)).toEqual({ depth: 6, model: 'tree', fast: true });
    expect(to(0.5)).toEqual({ model: 'linear', penalty: 0.1, fast: true });
    expect(to(0.9)).toEqual({ depth: 6, model: 'forest', trees: 12, subset: 0.5, fast: true });
  });

  it('stay in the space, and follow from the random numbers alone', () => {
    const walk = (seed: number) => {
      const random = seeded(seed);
      const steps = [explore(space, { model: 'forest', fast: true }, random, draw)];
      for (let step = 0; step < 200; step++) steps.push(explore(space, steps.at(-1) ?? {}, random, draw));
      return steps;
    };
    const steps = [1, 2, 3].flatMap(walk);
    expect([1, 2, 3].flatMap(walk)).toEqual(steps);
    const names = ['depth', 'model', 'trees', 'subset', 'penalty', 'fast'];
    const isIn = (params: (typeof steps)[number]) => {
      const { model, trees } = params;
      const isHere: Record<string, boolean> = {
        depth: model !== 'linear',
        trees: model === 'forest',
        subset: model === 'forest' && (trees === 12 || trees === 80),
        penalty: model === 'linear',
      };
      return names.every((name) => {
        const value = params[name];
        const parameter = space[name];
        if (typeof parameter !== 'object') return value === parameter;
        if (value === undefined || isHere[name] === false) return (value === undefined) === (isHere[name] === false);
        if (parameter.kind === 'categorical') return parameter.values.some((one) => one === value);
        if (typeof value !== 'number' || value < parameter.min || value > parameter.max) return false;
        const steps = (value - parameter.min) / (parameter.step ?? 1);
        const isStepped = parameter.kind === 'int' || parameter.step !== undefined;
        return !isStepped || Math.abs(steps - Math.round(steps)) < 1e-9;
      });
    };
    expect(steps.filter((params) => !isIn(params))).toEqual([]);
    expect(new Set(steps.map(({ model }) => model)).size).toBe(3);
    expect(steps.some(({ subset }) => subset !== undefined)).toBe(true);
  });
});
