import { project } from '../../workflows/sdk/index.js';
import { chain, lightChain, reacts, wide } from './contracts.js';

export default project({ pipelines: [chain, lightChain, wide, reacts] });
