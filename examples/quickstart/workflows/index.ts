import { project } from 'evertrain';
import { flowers } from './model.js';
import { trainFlowers } from './pipeline.js';

/** What workers serve. Export nothing else here. */
export default project({ pipelines: [trainFlowers], models: [flowers] });
