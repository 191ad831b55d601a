import { expect, it } from 'vitest';
import { driftAlarms } from '../../../support/drift-alarms.js';

/** Fixed before the first run; `npm run soak -- --scenario drift --seed 0 --rounds 400` checks each size by 400 seeds. */
const seeds = Array.from({ length: 60 }, (_, i) => i);

it('raises at most one false alarm in 60 checks of 21 columns, half of which their index alone would alarm', async () => {
  const { alarms, byIndexAlone } = await driftAlarms(seeds, { referenceRows: 200, rows: 200, features: 20 });
  expect(alarms.length, alarms.join('\n')).toBeLessThanOrEqual(1);
  expect(byIndexAlone).toBeGreaterThan(20);
});

it('raises none over one column of thousands of rows', async () => {
  const { alarms } = await driftAlarms(seeds.slice(0, 20), { referenceRows: 10_000, rows: 1_000, features: 1 });
  expect(alarms).toEqual([]);
});
