import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { built } from './built-tree.js';

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

export interface CliOptions {
  /** Default: the working directory. */
  readonly cwd?: string;
  /** An installed one. Default: this checkout's. */
  readonly bin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** As it is in the checkout, and in the checkout itself, not in its built tree: slower, and knows git. */
  readonly sources?: boolean;
}

/** Runs `evertrain` with these arguments, as a user's shell would. */
export function evertrainCli(args: readonly string[], options: CliOptions = {}): CliProcess {
  const { cwd = process.cwd(), bin, env, sources = bin !== undefined } = options;
  const place = sources ? (path: string) => path : built;
  const child = spawn(process.execPath, [bin ?? place(cli), ...args], {
    cwd: place(cwd),
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
