import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What package managers note beside what they installed; npm, Yarn, pnpm. */
const installRecords = ['.package-lock.json', '.yarn-state.yml', '.yarn-integrity', '.pnpm/lock.yaml'];

/**
 * What makes bundles, as text that changes with it: the SDK's dependencies with their versions, its own part, and what was
 * installed all in all. `undefined` where packages do not lie in folders, so that they cannot be found.
 */
export function bundlerTools(): readonly string[] | undefined {
  const sdk = createRequire(import.meta.url).resolve('@temporalio/worker/package.json');
  const { version, dependencies } = packageJson(sdk);
  const roots = ancestors(dirname(sdk)).map((folder) => join(folder, 'node_modules'));
  const tools = Object.keys(dependencies ?? {}).map((name) => {
    const found = roots.map((root) => join(root, name, 'package.json')).find(existsSync);
    return found === undefined ? undefined : `${name} ${packageJson(found).version}`;
  });
  if (tools.includes(undefined)) return undefined;
  const records = roots.flatMap((root) => installRecords.map((name) => join(root, name))).filter(existsSync);
  // People patch the SDK where it lies.
  const texts = [...records, join(dirname(sdk), 'lib/workflow/bundler.js')];
  const installed = texts.map((path) => createHash('sha256').update(readFileSync(path)).digest('hex'));
  return [`@temporalio/worker ${version}`, ...tools.map(String), ...installed];
}

/** A folder and those that it lies in, the innermost first. */
export function ancestors(folder: string): string[] {
  const found = [folder];
  for (let one = folder; dirname(one) !== one; one = dirname(one)) found.push(dirname(one));
  return found;
}

function packageJson(path: string): { readonly version: string; readonly dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(path, 'utf8')) as { version: string; dependencies?: Record<string, string> };
}
