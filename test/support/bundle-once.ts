import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Bundle, bundleProject, loadBundle, saveBundle, writeBundle } from '../../worker/bundle.js';
import { quietLogger } from './quiet-logger.js';

/**
 * The bundle of a fixture's workflows, which takes seconds to make: once in a run of the tests, whose folder for bundles
 * run-folder.ts makes; anew where there is none. Not for workflows that a test edits.
 */
export async function bundleOnce(workflows: string): Promise<Bundle> {
  const folder = process.env['EVERTRAIN_TEST_BUNDLES'];
  if (folder === undefined) return bundleProject(workflows, quietLogger);
  const name = createHash('sha256').update(resolve(workflows)).digest('hex');
  const path = join(folder, `${name}.js`);
  if (existsSync(path)) return loadBundle(path);
  const bundle = await bundleProject(workflows, quietLogger);
  await writeBundle(bundle, path);
  return bundle;
}

/** The same as a file of a data folder's, for a worker process. */
export async function bundleFile(workflows: string, dataDir: string): Promise<string> {
  return saveBundle(await bundleOnce(workflows), join(dataDir, 'bundles'));
}
