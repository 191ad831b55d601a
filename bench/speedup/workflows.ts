import { project } from '../../workflows/sdk/index.js';
import { digitsTable, forests, shakyRun } from './contracts.js';

export default project({ pipelines: [digitsTable, forests, shakyRun] });
