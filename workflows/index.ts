import { iris } from './pipelines/iris/model.js';
import { trainIris } from './pipelines/iris/pipeline.js';
import { project } from './sdk/index.js';

export default project({ pipelines: [trainIris], models: [iris] });
