import { project } from '../../workflows/sdk/index.js';
import { chain, reacts, wide } from './contracts.js';

export default project({ pipelines: [chain, wide, reacts] });
