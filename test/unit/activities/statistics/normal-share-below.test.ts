import { expect, it } from 'vitest';
import { normalShareBelow } from '../../../../activities/statistics/normal-share-below.js';

it.each([
  [-40, 0],
  [-9.1, 0],
  [-3, 0.0013498980316300933],
  [0, 0.5],
  [1, 0.8413447460685429],
  [8.9, 1],
  [Infinity, 1],
])('below %d lies the share that scipy.stats.norm.cdf tells', (z, share) => {
  expect(Math.abs(normalShareBelow(z) - share)).toBeLessThan(1e-15);
});
