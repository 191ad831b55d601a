import { model } from '../../sdk/index.js';
import { scoreClasses } from '../tabular/contracts.js';
import { trainPenguins } from './pipeline.js';

export const penguins = model('penguins', {
  pipeline: trainPenguins,
  evaluate: scoreClasses,
  promotion: { metric: 'accuracy' },
  description: 'the serving penguin classifier',
});
