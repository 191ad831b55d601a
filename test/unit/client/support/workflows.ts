import { project } from '../../../../workflows/sdk/index.js';
import { classifier, failing, gated, shipping, sleeping, train, working } from './project.js';

/** The default export only: Temporal would take an exported pipeline for a workflow of its name. */
export default project({
  pipelines: [train, gated, shipping, working, failing, sleeping],
  models: [classifier],
});
