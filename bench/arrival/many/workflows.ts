import { project } from '../../../workflows/sdk/index.js';
import { retraining } from '../contracts.js';
import { waiting } from './models.js';

/** A project of their own: each run's first task evaluates all that its project declares. */
export default project({ pipelines: [retraining], models: waiting });
