import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { built } from './built-tree.js';

const entryPoints: Readonly<Record<string, string>> = {
  evertrain: 'workflows/sdk/index.ts',
  'evertrain/activities': 'activities/sdk/index.ts',
  'evertrain/client': 'client/index.ts',
};

/** A folder below examples/ as a project of its own, with some files of data/; what it imports from `evertrain` is this checkout. */
export async function exampleProject(name: string, data: Readonly<Record<string, string>>) {
  const folder = await mkdtemp(join(tmpdir(), `evertrain-${name}-`));
  await cp(join('examples', name), folder, { recursive: true });
  await symlink(resolve('node_modules'), join(folder, 'node_modules'), 'dir');
  for (const [from, to] of Object.entries(data)) await cp(join('data', from), join(folder, to));
  await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.ts') || file.startsWith('node_modules')) continue;
    const text = await readFile(join(folder, file), 'utf8');
    const imports = /from '(evertrain(?:\/\w+)?)'/g;
    await writeFile(
      join(folder, file),
      text.replace(imports, (_, entry: string) => `from '${built(resolve(entryPoints[entry] ?? entry))}'`),
    );
  }
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
