import { copyFile, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { packageFile } from '../../../activities/sdk/jobs/package-file.js';
import { shippedRequirements } from '../../../worker/setup/python.mjs';
import { EvertrainError } from '../../../workflows/sdk/errors.js';

export function configure(command: Command): void {
  command.argument('[folder]', 'a new or empty folder; its name becomes the name of the project', '.').action(init);
}

/** npm leaves files of these names out of packages, so the template has them without the dot. */
const undotted = ['gitignore', 'npmrc'];

/**
 * Copies examples/quickstart, which is checked and run by Evertrain's own tests, under the name of the folder. The
 * shipped Python packages come with it, as a file of the project's own: so they stay when Evertrain changes its own, and
 * there is a list to add to. It is the shipped file to the letter, so both share one environment.
 */
async function init(folder: string): Promise<void> {
  const target = resolve(folder);
  const template = packageFile('examples/quickstart');
  const name = basename(target);
  await checkProjectName(name, template);
  const found = await entriesOf(target);
  if (found !== undefined && found.length > 0) throw notEmpty(target, found);
  try {
    await makeProject(target, name, template, found !== undefined);
  } catch (cause) {
    throw new EvertrainError(
      'SYSTEM_STORE_UNAVAILABLE',
      `The project could not be written to ${target}: ${(cause as Error).message}.`,
      { value: target, remedy: 'Choose a folder that this user may write to.', cause },
    );
  }
  const step = target === process.cwd() ? '' : `cd ${folder} && `;
  process.stdout.write(`${name} is there. Go on with:\n  ${step}npm install && npm start\n`);
}

/**
 * The project is made beside, then moved, so that what can go wrong has gone wrong before. A folder that exists is kept,
 * since a shell may stand in it, or it may be a mount: there the project is made inside.
 */
async function makeProject(target: string, name: string, template: string, exists: boolean): Promise<void> {
  const made = exists ? join(target, `.init-${process.pid}`) : `${target}.init-${process.pid}`;
  const moved: string[] = [];
  try {
    await mkdir(dirname(made), { recursive: true });
    await cp(template, made, { recursive: true, filter: isTemplate });
    for (const file of undotted) await rename(join(made, file), join(made, `.${file}`));
    await copyFile(shippedRequirements, join(made, 'python', 'requirements.txt'));
    await nameProject(made, name);
    if (!exists) return await rename(made, target);
    for (const entry of await readdir(made)) {
      await rename(join(made, entry), join(target, entry));
      moved.push(entry);
    }
  } catch (error) {
    for (const entry of moved) await rm(join(target, entry), { recursive: true, force: true });
    throw error;
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

function notEmpty(target: string, found: readonly string[]): EvertrainError {
  const more = found.length > 5 ? ` and ${found.length - 5} more` : '';
  return new EvertrainError(
    'USER_OPTION_INVALID',
    `${target} is not empty: it has ${found.slice(0, 5).join(', ')}${more}.`,
    { value: target, remedy: 'Name a new folder: npx evertrain init my-project.' },
  );
}

/** What npm takes for a name, without a scope. npm refuses to install a package into a project of the same name. */
async function checkProjectName(name: string, template: string): Promise<void> {
  const isName = /^[a-z0-9][a-z0-9._-]{0,99}$/.test(name) && name !== 'node_modules';
  const { dependencies, devDependencies } = await readPackage(template);
  const taken = Object.hasOwn({ ...dependencies, ...devDependencies }, name);
  if (isName && !taken) return;
  throw new EvertrainError(
    'USER_NAME_INVALID',
    `"${name}" cannot be the name of a project${taken ? ', which installs a package of that name' : ''}.`,
    { value: name, remedy: 'Use lower-case letters, digits, "-", "_" and ".", for example my-project.' },
  );
}

/** Undefined when there is no such folder yet. */
async function entriesOf(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).filter((name) => name !== '.git').sort();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    const what = code === 'ENOTDIR' ? `${folder} is a file` : `${folder} cannot be read: ${message}`;
    throw new EvertrainError('USER_OPTION_INVALID', `${what}.`, {
      value: folder,
      remedy: 'Name a new folder: npx evertrain init my-project.',
      cause: error,
    });
  }
}

/** Leaves out what working on the template in a checkout leaves behind. */
function isTemplate(path: string): boolean {
  return !/[\\/](node_modules|\.evertrain|__pycache__|package-lock\.json)$/.test(path);
}

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function readPackage(folder: string): Promise<Package> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Package;
}

async function nameProject(folder: string, name: string): Promise<void> {
  const { version } = await readPackage(dirname(packageFile('package.json')));
  const project = await readPackage(folder);
  const named = { ...project, name, dependencies: { ...project.dependencies, evertrain: version } };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(named, undefined, 2)}\n`);
  const readme = join(folder, 'README.md');
  await writeFile(readme, (await readFile(readme, 'utf8')).replace('# quickstart', `# ${name}`));
}
