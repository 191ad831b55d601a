import { execFile } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { makeOnce } from '../../worker/setup/make-once.mjs';
import { asProgress } from '../../worker/setup/progress.mjs';
import { runFolder } from './run-folder.js';

const run = promisify(execFile);

/** The archive of the library, as npm would publish it: packed once in a run of the tests. */
export async function packedLibrary(): Promise<string> {
  const path = join(runFolder(), 'packed', 'evertrain.tgz');
  await makeOnce({ path, what: 'the packed library', progress: asProgress(undefined), make: pack });
  return path;
}

/** Installs the packed library for a folder, whose `node_modules` will be one that the tests of a run share. */
export async function installLibrary(folder: string): Promise<void> {
  const path = join(runFolder(), 'installed', 'project');
  const make = async (work: string) => {
    const project = join(work, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{ "private": true }');
    await npm(project, 'install', await packedLibrary());
    return project;
  };
  await makeOnce({ path, what: 'the installed library', progress: asProgress(undefined), make });
  await symlink(join(path, 'node_modules'), join(folder, 'node_modules'), 'dir');
}

/** Packs a copy of this checkout, whose own `dist` may be in use. */
async function pack(folder: string): Promise<string> {
  const source = join(folder, 'source');
  const skipped = new Set(['.git', '.evertrain', 'dist', 'node_modules']);
  await mkdir(source);
  await cp(resolve('.'), source, { recursive: true, filter: (path) => !skipped.has(basename(path)) });
  await symlink(resolve('node_modules'), join(source, 'node_modules'), 'dir');
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: source,
    env: strangersEnv(),
  });
  return join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
}

/** The environment of a stranger's shell: without what `npm test` and vitest tell the programs that they start. */
function strangersEnv(): NodeJS.ProcessEnv {
  const isOurs = /^(VITEST|NODE_ENV$|FORCE_COLOR$|npm_(package|lifecycle)_|npm_config_(local_prefix|onnxruntime))/;
  const kept = Object.entries(process.env).filter(([name]) => !isOurs.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1' };
}

/** Calls npm as a stranger would, and answers what it printed; a failure has its output in the message. */
export async function npm(cwd: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await run('npm', ['--silent', '--no-audit', '--prefer-offline', ...args], {
      cwd,
      env: strangersEnv(),
      maxBuffer: 16_000_000,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, { cause: error });
  }
}
