import { project } from '../../workflows/sdk/index.js';
import { quick, retraining, served, waiting } from './contracts.js';

export default project({ pipelines: [retraining], models: [quick, served, ...waiting] });
