import { model } from '../../sdk/index.js';
import { evaluate } from './contracts.js';
import { trainIris } from './pipeline.js';

export const iris = model('iris', {
  pipeline: trainIris,
  evaluate,
  promotion: { metric: 'accuracy' },
  description: 'the serving iris classifier',
});
