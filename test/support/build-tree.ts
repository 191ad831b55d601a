import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { builtName, builtTree, builtTreeVariable } from './built-tree.js';

interface Compiler {
  transform(code: string, options: object): Promise<{ readonly code: string }>;
}

/** The compiler of tsx, which runs the sources: both make the same of them. */
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsx/package.json'))('esbuild') as Compiler;

/** Folders with code, of which each file gets a counterpart. Links stand for all else. */
const codeFolders = [
  'workflows',
  'activities',
  'client',
  'worker',
  'serving',
  'test/support',
  'test/fixtures',
  'bench',
];
const linked = ['data', 'docs', 'examples', 'node_modules', 'package.json', 'package-lock.json', 'python'];

/** Before all tests: brings the built tree up to date, and tells the tests that it is there. */
export default async function setup(): Promise<void> {
  const tree = builtTree();
  for (const folder of codeFolders) await buildFolder(tree, folder);
  for (const name of linked) await link(resolve(name), join(tree, name));
  // In the package, the command line and the entry points are below dist/.
  await link('.', join(tree, 'dist'));
  process.env[builtTreeVariable] = tree;
}

async function buildFolder(tree: string, folder: string): Promise<void> {
  const paths = await filesOf(folder);
  await Promise.all(paths.map((path) => buildFile(path, join(tree, builtName(path)))));
  // What was removed or renamed must not be found any more.
  const kept = new Set(paths.map(builtName));
  const there = await filesOf(join(tree, folder));
  const gone = there.filter((path) => !kept.has(relative(tree, path)));
  await Promise.all(gone.map((path) => rm(path, { force: true })));
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => !entry.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
}

async function buildFile(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  if (path.endsWith('.ts')) {
    const options = { loader: 'ts', format: 'esm', target: 'node20', sourcefile: resolve(path) };
    await writeIfOther(target, (await esbuild.transform(await readFile(path, 'utf8'), options)).code);
  } else if (path.endsWith('.mjs')) {
    // Not a link: Node takes a module for the file that a link leads to.
    await writeIfOther(target, await readFile(path, 'utf8'));
  } else await link(resolve(path), target);
}

/** Whole or not at all, and not touched where it is right: tests of another run may be loading it. */
async function writeIfOther(path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  await replace(path, (temporary) => writeFile(temporary, text));
}

async function link(to: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === to) return;
  await replace(path, (temporary) => symlink(to, temporary));
}

async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await make(temporary);
  await rename(temporary, path);
}
