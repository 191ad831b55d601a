import { model } from '../../sdk/index.js';
import { trainDiamonds } from './pipeline.js';

export const diamonds = model('diamonds', {
  pipeline: trainDiamonds,
  promotion: { metric: 'rmse', direction: 'minimize' },
  description: 'the serving price of a diamond',
});
