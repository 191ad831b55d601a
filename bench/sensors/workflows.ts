import { project } from '../../workflows/sdk/index.js';
import { fed, pipelines } from './contracts.js';

export default project({ pipelines, models: fed });
