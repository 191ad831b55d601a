import { describe, expect, it } from 'vitest';
import { curvesOf, thin } from '../../../../client/dashboard/page/metric-curves.js';

describe('curves', () => {
  it('are a plot for each metric and a line for each attempt, over the steps that were reported', () => {
    const value = (stepId: string, attempt: number, step: number, of: number) => {
      return { name: 'loss', stepId, attempt, step, value: of, t: 0 };
    };
    expect(curvesOf([value('fit', 1, 0, 3), value('fit', 1, 2, 2), value('fit', 2, 2, 1)])).toEqual([
      {
        name: 'loss',
        lines: ['fit', 'fit (attempt 2)'],
        x: [0, 2],
        ys: [
          [3, 2],
          [null, 1],
        ],
        last: 1,
      },
    ]);
  });

  it('of many values keep the first, the last, and every spike', () => {
    const points = Array.from(
      { length: 1_000_000 },
      (_, n) => [n, n === 777_777 ? 99 : n === 5 ? -99 : n % 7] as const,
    );
    const kept = thin(points, 2_000);
    expect(kept.length).toBeLessThanOrEqual(2_000);
    expect(kept[0]).toEqual([0, 0]);
    expect(kept.at(-1)?.[0]).toBe(999_999);
    expect(kept).toContainEqual([777_777, 99]);
    expect(kept).toContainEqual([5, -99]);
    expect(kept.map(([at]) => at)).toEqual(kept.map(([at]) => at).sort((a, b) => a - b));
  });
});
