import { describe, expect, it } from 'vitest';
import { inTurns } from '../../../bench/support/in-turns.js';

const three = ['a', 'b', 'c'].map((name) => ({ name }));

describe('turns', () => {
  it('begin with another contestant each round', async () => {
    const order: string[] = [];
    const { taken } = await inTurns(
      three,
      3,
      async ({ name }, round) => order.push(`${name}${round}`),
      () => {},
    );
    expect(order).toEqual(['a0', 'b0', 'c0', 'b1', 'c1', 'a1', 'c2', 'a2', 'b2']);
    expect(taken.get('b')).toHaveLength(3);
  });

  it('go on without a contestant that fails, and keep what it did before and why it left', async () => {
    const turn = async ({ name }: { name: string }, round: number) => {
      if (name === 'b' && round === 1) throw new Error('out of memory');
      return round;
    };
    const { taken, failed } = await inTurns(three, 3, turn, () => {});
    expect(Object.fromEntries(taken)).toEqual({ a: [0, 1, 2], b: [0], c: [0, 1, 2] });
    expect(Object.fromEntries(failed)).toEqual({ b: 'out of memory' });
  });
});
