/** What the options of schedulers refuse at compile time. Checked by `tsc`, never run; see authoring.ts. */
import type { MedianStopOptions, SchedulerOptions } from '../../workflows/sdk/search/scheduler.js';
import { asha } from '../../workflows/sdk/search/schedulers/asha.js';
import { hyperband } from '../../workflows/sdk/search/schedulers/hyperband.js';
import { medianStop } from '../../workflows/sdk/search/schedulers/median-stop.js';
import { population } from '../../workflows/sdk/search/schedulers/population.js';
import { successiveHalving } from '../../workflows/sdk/search/schedulers/successive-halving.js';

export const schedulers: readonly SchedulerOptions[] = [
  asha({ max: 9 }),
  successiveHalving({ min: 1, max: 9, eta: 3 }),
  hyperband({ max: 81 }),
  population({ interval: 1, max: 9, size: 4 }),
];
export const stoppers: readonly MedianStopOptions[] = [medianStop(), medianStop({ grace: 2, minTrials: 5 })];

export const refused = [
  // @ts-expect-error no highest budget
  () => asha({ min: 1 }),
  // @ts-expect-error no options
  () => hyperband(),
  // @ts-expect-error a text for a number
  () => successiveHalving({ max: '9' }),
  // @ts-expect-error an unknown field
  () => asha({ max: 9, reduction: 3 }),
  // @ts-expect-error no size
  () => population({ interval: 1, max: 9 }),
  // @ts-expect-error of another scheduler
  () => population({ interval: 1, max: 9, size: 4, eta: 3 }),
  // @ts-expect-error an unknown field
  () => medianStop({ warmup: 3 }),
  // @ts-expect-error what stops trials is no scheduler
  (): SchedulerOptions => medianStop(),
  // @ts-expect-error a scheduler stops no trial
  (): MedianStopOptions => asha({ max: 9 }),
];
