import { expect, it } from 'vitest';
import { driftAlarms } from '../../../support/drift-alarms.js';

/** Fixed before the first run; `npm run soak -- --scenario drift --seed 0 --rounds 400` checks each size by 400 seeds. */
const seeds = Array.from({ length: 60 }, (_, i) => i);

it('raises at most one false alarm in 60 checks, some of which the index alone would alarm', async () => {
  const { alarms, byIndexAlone } = await driftAlarms(seeds, { referenceRows: 200, rows: 200, features: 5 });
  expect(alarms.length, alarms.join('\n')).toBeLessThanOrEqual(1);
  expect(byIndexAlone).toBeGreaterThan(0);
}, 240_000);

it('raises none in checks of thousands of rows', async () => {
  const { alarms } = await driftAlarms(seeds.slice(0, 10), { referenceRows: 10_000, rows: 1_000, features: 4 });
  expect(alarms).toEqual([]);
});
