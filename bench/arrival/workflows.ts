import { project } from '../../workflows/sdk/index.js';
import { quick, retraining, served, servedRetraining } from './contracts.js';

export default project({ pipelines: [retraining, servedRetraining], models: [quick, served] });
