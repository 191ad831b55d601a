import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { built } from './built-tree.js';
import { nodeScript } from './node-script.js';

/** How another process makes the same store or journal: an exported function of a module, with JSON arguments. */
export interface Remake {
  /** `file:` URL. */
  readonly module: string;
  readonly export: string;
  readonly arguments: readonly unknown[];
}

export interface Child {
  readonly process: ChildProcess;
  /** The next line that it prints, as JSON; fails with its stderr when it ends first. */
  next<T>(): Promise<T>;
  /** Lets a child that called `waitForGo` go on. */
  go(): void;
  /** Ends by SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  exited: Promise<number | null>;
}

interface ChildOptions {
  /** Not as the built tree has it, where what it does depends on the paths of the code. */
  readonly sources?: boolean;
  /** A program, with its arguments, that is given the child's command to run; `process` is then that program's. */
  readonly under?: readonly string[];
}

/** Ends a process by SIGKILL and waits until it is gone; one that has ended, or was never started, is. */
export async function killed(running: ChildProcess | undefined): Promise<void> {
  if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
  const gone = new Promise((resolve) => running.once('exit', resolve));
  running.kill('SIGKILL');
  await gone;
}

/** Starts a TypeScript file beside this one in a process of its own, with a JSON argument. */
export function startChild(script: string, argument: unknown, options: ChildOptions = {}): Child {
  const { sources = false, under = [] } = options;
  const node = [process.execPath, ...nodeScript(script.replace(/\.ts$/, ''), sources), JSON.stringify(argument)];
  const [program = '', ...rest] = [...under, ...node];
  const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return {
    process: child,
    exited,
    async next<T>() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${script} ended (${await exited}): ${errors}`);
      return JSON.parse(value) as T;
    },
    go: () => void child.stdin.write('go\n'),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The same for a child, which runs the built tree where there is one. */
export function remakeInChild(remake: Remake): Remake {
  return { ...remake, module: pathToFileURL(built(fileURLToPath(remake.module))).href };
}

/** In a child: the object that the parent described. */
export async function remade<T>(remake: Remake): Promise<T> {
  const module = (await import(remake.module)) as Record<string, (...args: readonly unknown[]) => T>;
  const make = module[remake.export];
  if (make === undefined) throw new Error(`${remake.module} has no export ${remake.export}`);
  return make(...remake.arguments);
}

/** In a child: prints a JSON line. */
export function tell(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** In a child: waits for the parent, so that a race starts together. */
export async function waitForGo(): Promise<void> {
  tell('ready');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  process.stdin.unref();
}
