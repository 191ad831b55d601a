import { project } from '../../workflows/sdk/index.js';
import { chain, wide } from '../overhead/contracts.js';
import { pythonChain, training, waits } from './contracts.js';

export default project({ pipelines: [chain, wide, pythonChain, waits, training] });
