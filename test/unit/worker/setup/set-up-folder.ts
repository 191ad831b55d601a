import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const source = fileURLToPath(new URL('../../../../worker/setup/', import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A copy of the set-up scripts in an empty folder: no node_modules, its own cache, and a PATH with only the programs
 * that a test puts there.
 */
export class SetUpFolder {
  readonly root = mkdtempSync(join(tmpdir(), 'evertrain-set-up-'));
  readonly cache = join(this.root, 'cache');
  readonly path = join(this.root, 'bin');

  constructor() {
    cpSync(source, join(this.root, 'worker', 'setup'), { recursive: true });
    mkdirSync(this.path);
  }

  /** Puts a shell script on the PATH (or elsewhere) and answers where. */
  program(name: string, script: string, folder = this.path): string {
    const path = join(folder, name);
    this.file(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  file(path: string, content: string): string {
    const full = path.startsWith(this.root) ? path : join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    return full;
  }

  /** Runs Node on one of the copied scripts. */
  node(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const options = {
      cwd: this.root,
      env: { PATH: this.path, HOME: this.root, EVERTRAIN_CACHE_DIR: this.cache, ...env },
    };
    return new Promise((resolve) => {
      execFile(process.execPath, args, options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
      });
    });
  }

  /** Calls an exported function of a script: what it answers, or the code and message of what it throws; and its log. */
  async call(
    script: string,
    name: string,
    options: Record<string, unknown> = {},
    env: Record<string, string> = {},
  ): Promise<{ value?: unknown; code?: string; message?: string; log: string[] }> {
    const url = pathToFileURL(join(this.root, 'worker', 'setup', script)).href;
    const program = `
      const log = [];
      const module = await import('${url}');
      const answer = await module.${name}({ ...${JSON.stringify(options)}, log: (line) => log.push(line) }).then(
        (value) => ({ value }),
        ({ code, message }) => ({ code: String(code), message }),
      );
      console.log(JSON.stringify({ ...answer, log }));`;
    const { stdout, stderr } = await this.node(['--input-type=module', '-e', program], env);
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
