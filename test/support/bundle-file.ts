import { join } from 'node:path';
import { saveBundle } from '../../worker/bundle.js';
import { cachedBundle } from '../../worker/bundle-cache.js';

/** The bundle of a fixture's workflows as a file of a data folder's, for a worker process. */
export async function bundleFile(workflows: string, dataDir: string): Promise<string> {
  return saveBundle(await cachedBundle(workflows), join(dataDir, 'bundles'));
}
