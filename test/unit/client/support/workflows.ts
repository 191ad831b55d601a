import { project } from '../../../../workflows/sdk/index.js';
import { classifier, elsewhere, failing, gated, shipping, sleeping, train, working } from './project.js';

/** The default export only: Temporal would take an exported pipeline for a workflow of its name. */
export default project({
  pipelines: [elsewhere, train, gated, shipping, working, failing, sleeping],
  models: [classifier],
});
