import { project } from 'evertrain';
import { iris, trainIris } from './pipeline.js';

// what workers serve
export default project({ pipelines: [trainIris], models: [iris] });
