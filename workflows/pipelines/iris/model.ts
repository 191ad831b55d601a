import { model } from '../../sdk/index.js';
import { trainIris } from './pipeline.js';

export const iris = model('iris', {
  pipeline: trainIris,
  promotion: { metric: 'accuracy' },
  description: 'the serving iris classifier',
});
