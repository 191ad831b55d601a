import { describe, expect, it } from 'vitest';
import { chunksOf } from '../../../../workflows/sdk/chunks.js';

const of = (count: number, size: number, bound = 2) => chunksOf({ items: Array<number>(count).fill(size), bound });

describe('the chunks of a fan-out', () => {
  it.each([
    [2_001, 10, 11, 200],
    [10_000, 10, 50, 200],
    [20_000, 10, 50, 400],
    [100_000, 100, 100, 1_000],
  ])('of %d items of %d bytes are %d of at most %d', (count, size, chunks, most) => {
    const cut = of(count, size);
    expect(cut).toHaveLength(chunks);
    expect(Math.max(...cut.map(({ from, to }) => to - from))).toBe(most);
  });

  it('hold each item once, in order', () => {
    const items = Array.from({ length: 5_000 }, (_, n) => (n * 7_919) % 5_000);
    const cut = chunksOf({ items, bound: 0 });
    expect(cut.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, n) => from + n))).toEqual(
      items.map((_, n) => n),
    );
  });

  it('have at most 250 KB of items, and at least one item', () => {
    expect(of(3, 100_000)).toEqual([
      { from: 0, to: 2 },
      { from: 2, to: 3 },
    ]);
    expect(of(2, 1_400_000)).toEqual([
      { from: 0, to: 1 },
      { from: 1, to: 2 },
    ]);
  });

  it('give their steps at most 10 MB, with what is bound', () => {
    expect(of(300, 10, 100_000).map(({ from, to }) => to - from)).toEqual([99, 99, 99, 3]);
  });

  it('of nothing are none', () => {
    expect(of(0, 10)).toEqual([]);
  });
});
