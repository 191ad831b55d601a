import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

const cli = resolve('client/cli/evertrain.mjs');

export interface CliEnded {
  readonly code: number | null;
  /** Standard output and error, as they came. */
  readonly out: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<CliEnded>;
  /** Resolves with all output so far when the text was printed; rejects when the process ends without. */
  until(text: string): Promise<string>;
}

/** Runs `evertrain` with these arguments, as a user's shell would: this checkout's, or an installed one. */
export function evertrainCli(
  args: readonly string[],
  { cwd, bin = cli, env }: { readonly cwd?: string; readonly bin?: string; readonly env?: NodeJS.ProcessEnv } = {},
): CliProcess {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  const watchers: Array<() => void> = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<CliEnded>((done) => child.once('close', (code) => done({ code, out })));
  const until = (text: string) =>
    new Promise<string>((done, reject) => {
      const look = () => {
        if (out.includes(text)) done(out);
      };
      watchers.push(look);
      look();
      void ended.then(() => reject(new Error(`ended before "${text}":\n${out}`)));
    });
  return { child, ended, until };
}
