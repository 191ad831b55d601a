import { expect, it } from 'vitest';
import { plotsOf } from '../../../../client/dashboard/page/metric-curves.js';

it('curves are a plot for each metric with a line for each that has it, over all of their steps', () => {
  const loss = (label: string, ...points: Array<readonly [number, number]>) => ({ name: 'loss', label, points });
  expect(plotsOf([loss('fit', [0, 3], [2, 2]), loss('fit (attempt 2)', [2, 1])])).toEqual([
    {
      name: 'loss',
      lines: ['fit', 'fit (attempt 2)'],
      x: [0, 2],
      ys: [
        [3, 2],
        [null, 1],
      ],
    },
  ]);
  expect(plotsOf([loss('fit', [0, 3], [2, 2])])).toMatchObject([{ lines: ['fit'], last: 2 }]);
});
