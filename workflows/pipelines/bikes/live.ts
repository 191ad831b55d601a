import { model } from '../../sdk/index.js';
import { scoreNumbers } from '../tabular/contracts.js';
import { bikesData } from './model.js';
import { trainBikes } from './pipeline.js';

/**
 * The second half of a model's life, at the pace of a story (`npm start -- --story`): seconds stand where a model in use
 * has minutes and hours. Data waits until what is asked drifts; a better version takes over in stages.
 */
export const bikesLive = model('bikes-live', {
  pipeline: trainBikes,
  evaluate: scoreNumbers,
  promotion: { metric: 'rmse', direction: 'minimize' },
  data: { ...bikesData, retrainWhen: { rows: 100_000 } },
  drift: { every: '4 seconds', window: '8 seconds', coolDown: '1 hour' },
  rollout: {
    stages: [{ shadow: 100, hold: '2 seconds' }, 10, 50, 100],
    hold: '4 seconds',
    minRequests: 50,
    lookEvery: '1 second',
    abortWhen: { errorRate: 0.02, p95Ms: 1_000, metric: { name: 'mae' } },
  },
  description: 'the serving count of rented bikes, watched while it is asked',
});
