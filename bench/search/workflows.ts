import { project } from '../../workflows/sdk/index.js';
import { study, warmUp } from './contracts.js';

export default project({ pipelines: [study, warmUp] });
