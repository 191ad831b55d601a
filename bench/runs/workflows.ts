import { project } from '../../workflows/sdk/index.js';
import { chain, lightChain, lightWide, wide } from '../overhead/contracts.js';
import { pythonChain, training, waits } from './contracts.js';

export default project({
  pipelines: [chain, lightChain, wide, lightWide, pythonChain, waits, training],
});
