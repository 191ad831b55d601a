import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sortedEntries } from './job-options.js';
import { packageFile } from './package-file.js';
import type { PythonEnvironment } from './python-environment.js';
import type { PythonTarget } from './python-target.js';

const deepest = 6;
const mostFiles = 2_000;
const skipped = /^(\..*|__pycache__|node_modules|site-packages)$/;

/**
 * What a Python step is, for the step cache: script, function, every `.py` file beside and below the script (whichever of
 * them it imports: imports can be dynamic), environment, variables, and evertrain.py. Local code elsewhere on PYTHONPATH does not
 * count: give the step a new `cache: { version }` when that changes.
 */
export async function pythonFingerprint(
  target: PythonTarget,
  environment: PythonEnvironment,
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = dirname(target.script);
  const digest = createHash('sha256');
  const add = (name: string, content: string | Buffer) => {
    digest.update(`${name}\0${Buffer.byteLength(content)}\0`).update(content);
  };
  add('target', `${target.script.slice(folder.length + 1)}:${target.function ?? ''}`);
  add('environment', environment.digest);
  add('variables', JSON.stringify(sortedEntries(env)));
  add('evertrain.py', await readFile(packageFile('python/evertrain.py')));
  const files: string[] = [];
  await pythonFiles(folder, '', 0, files);
  for (const file of files) add(file, await readFile(join(folder, file)).catch(() => ''));
  return digest.digest('hex');
}

async function pythonFiles(root: string, below: string, depth: number, found: string[]): Promise<void> {
  const entries = await readdir(join(root, below), { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (found.length >= mostFiles || skipped.test(entry.name)) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isFile() && entry.name.endsWith('.py')) found.push(path);
    const isEnvironment = entry.isDirectory() && existsSync(join(root, path, 'pyvenv.cfg'));
    if (entry.isDirectory() && !isEnvironment && depth < deepest) await pythonFiles(root, path, depth + 1, found);
  }
}
