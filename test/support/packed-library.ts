import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The library as npm would publish it. */
export interface PackedLibrary {
  /** Path of the archive. */
  readonly tarball: string;
  remove(): Promise<void>;
}

/** Packs a copy of this checkout, whose own `dist` may be in use. */
export async function packLibrary(): Promise<PackedLibrary> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-packed-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const source = join(folder, 'source');
    const skipped = new Set(['.git', '.evertrain', 'dist', 'node_modules']);
    await mkdir(source);
    await cp(resolve('.'), source, { recursive: true, filter: (path) => !skipped.has(basename(path)) });
    await symlink(resolve('node_modules'), join(source, 'node_modules'), 'dir');
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
      cwd: source,
      env: strangersEnv(),
    });
    return { tarball: join(folder, packed.stdout.trim().split('\n').at(-1) ?? ''), remove };
  } catch (error) {
    await remove();
    throw error;
  }
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
