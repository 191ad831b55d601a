import { model } from '../../sdk/index.js';
import { scoreNumbers } from '../tabular/contracts.js';
import { trainDiamonds } from './pipeline.js';

export const diamonds = model('diamonds', {
  pipeline: trainDiamonds,
  evaluate: scoreNumbers,
  promotion: { metric: 'rmse', direction: 'minimize' },
  description: 'the serving price of a diamond',
});
