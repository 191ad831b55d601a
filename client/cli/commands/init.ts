import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { packageFile } from '../../../activities/sdk/jobs/package-file.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';

export function configure(command: Command): void {
  command.argument('[folder]', 'a new or empty folder; its name becomes the name of the project', '.').action(init);
}

/** Copies examples/quickstart, which is checked and run by Evertrain's own tests, under the name of the folder. */
async function init(folder: string): Promise<void> {
  const target = resolve(folder);
  const name = basename(target);
  checkProjectName(name);
  const found = await entriesOf(target);
  if (found.length > 0) {
    throw new EvertrainError('USER_OPTION_INVALID', `${target} is not empty: it has ${found.slice(0, 5).join(', ')}.`, {
      value: target,
      remedy: 'Name a new folder: npx evertrain init my-project.',
    });
  }
  // Made beside first, so that what can go wrong has gone wrong before the folder is touched; which is kept, since a
  // shell may stand in it.
  const made = `${target}.init-${process.pid}`;
  try {
    await mkdir(dirname(made), { recursive: true });
    await cp(packageFile('examples/quickstart'), made, { recursive: true, filter: isTemplate });
    await rename(join(made, 'gitignore'), join(made, '.gitignore'));
    await nameProject(made, name);
    await mkdir(target, { recursive: true });
    for (const entry of await readdir(made)) await rename(join(made, entry), join(target, entry));
  } catch (cause) {
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `The project could not be written to ${target}.`, {
      value: target,
      remedy: 'Choose a folder that this user may write to.',
      cause,
    });
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  const step = target === process.cwd() ? '' : `cd ${folder} && `;
  process.stdout.write(`${name} is there. Go on with:\n  ${step}npm install && npm start\n`);
}

/** What npm takes for a name, without a scope. */
function checkProjectName(name: string): void {
  if (/^[a-z0-9][a-z0-9._-]{0,99}$/.test(name) && name !== 'node_modules' && name !== 'evertrain') return;
  throw new EvertrainError('USER_NAME_INVALID', `"${name}" cannot be the name of a project.`, {
    value: name,
    remedy: 'Use lower-case letters, digits, "-", "_" and ".", for example my-project.',
  });
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name !== '.git');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new EvertrainError('USER_OPTION_INVALID', `${folder} is not a folder.`, { value: folder, cause: error });
  }
}

/** Leaves out what working on the template in a checkout leaves behind. */
function isTemplate(path: string): boolean {
  return !/[\\/](node_modules|\.evertrain|__pycache__|package-lock\.json)$/.test(path);
}

async function nameProject(folder: string, name: string): Promise<void> {
  const own = JSON.parse(await readFile(packageFile('package.json'), 'utf8')) as { version: string };
  const path = join(folder, 'package.json');
  const project = JSON.parse(await readFile(path, 'utf8')) as { name: string; dependencies: Record<string, string> };
  project.name = name;
  project.dependencies['evertrain'] = own.version;
  await writeFile(path, `${JSON.stringify(project, undefined, 2)}\n`);
  const readme = join(folder, 'README.md');
  await writeFile(readme, (await readFile(readme, 'utf8')).replace('# quickstart', `# ${name}`));
}
