import { model } from '../../sdk/index.js';
import { trainPenguins } from './pipeline.js';

export const penguins = model('penguins', {
  pipeline: trainPenguins,
  promotion: { metric: 'accuracy' },
  description: 'the serving penguin classifier',
});
