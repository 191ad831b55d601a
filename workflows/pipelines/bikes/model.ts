import { z } from 'zod';
import { model, type ModelOptions } from '../../sdk/index.js';
import { scoreNumbers } from '../tabular/contracts.js';
import { firstMonths, trainBikes } from './pipeline.js';

/** Each batch of new months leads to a training on all of them, if nothing is wrong with it. */
export const bikesData = {
  event: z.looseObject({ uri: z.string() }),
  toInput: (batches) => ({ sources: [firstMonths, ...batches.flatMap(({ uri }) => uri ?? [])] }),
  retrainWhen: { batches: 1 },
  window: 'all',
  quality: {
    label: 'bikers',
    // Spring against winter lies 0.37 apart, and is no fault of the data; a count in another unit is above 0.9.
    maxLabelShift: 0.6,
    // New in each batch by nature, or not used by the pipeline.
    ignore: ['season', 'mnth', 'day', 'casual', 'registered'],
  },
} satisfies ModelOptions<typeof trainBikes>['data'];

/** Learns on: each batch of new months leads to a version on all of them, which is compared with the champion. */
export const bikes = model('bikes', {
  pipeline: trainBikes,
  evaluate: scoreNumbers,
  promotion: { metric: 'rmse', direction: 'minimize' },
  data: bikesData,
  description: 'the serving count of rented bikes',
});
