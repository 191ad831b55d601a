import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { deferred } from './deferred.js';
import { killDescendants } from './descendants.mjs';
import { endOf, type JobEnd, type JobProcess } from './job-process.js';
import { packageFile } from './package-file.js';

export interface GuardedCommand {
  /** The program and its arguments; never a shell. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The job document, by which strays are recognised. */
  readonly document: string;
}

/** The program cannot be started; `code` as the operating system names it (ENOENT, EACCES …). */
export class CannotStart extends Error {
  constructor(readonly code: string) {
    super(`cannot start: ${code}`);
  }

  /** Whether the machine is short of something, so that a later attempt may do. */
  get isPassing(): boolean {
    return ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY'].includes(this.code);
  }
}

/** Starts a program under a guardian (guardian.mjs), which ends it and its descendants when this process dies. */
export async function startGuarded(command: GuardedCommand): Promise<JobProcess> {
  const guardian = spawn(process.execPath, [packageFile('activities/sdk/jobs/guardian.mjs')], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    // Its own group: a terminal's Ctrl-C lets the worker drain first.
    detached: true,
    env: { ...process.env, NODE_OPTIONS: undefined },
  });
  const [orders, stdout, stderr, acks, reports] = guardian.stdio as unknown as Pipes;
  for (const pipe of [orders, acks]) pipe.on('error', () => undefined);
  const order = (value: object) => orders.write(`${JSON.stringify(value)}\n`);
  const lines = createInterface({ input: reports });
  const { started, ended } = watch(guardian, lines, command.document);
  order(command);
  await started;
  return {
    stdout,
    stderr,
    ended,
    acknowledge: (line) => void acks.write(`${line}\n`),
    stop: (signal) => void order({ signal }),
  };
}

type Pipes = [orders: Writable, stdout: Readable, stderr: Readable, acks: Writable, reports: Readable];

interface Report {
  readonly pid?: number;
  readonly failed?: string;
  readonly code?: number | null;
  readonly signal?: string | null;
}

function watch(guardian: ChildProcess, lines: Interface, document: string) {
  const started = deferred<void>();
  const ended = deferred<JobEnd>();
  let pid: number | undefined;
  let end: JobEnd | undefined;
  lines.on('line', (line) => {
    const report = JSON.parse(line) as Report;
    if (report.failed !== undefined) started.reject(new CannotStart(report.failed));
    else if (report.pid !== undefined) {
      pid = report.pid;
      started.resolve();
    } else end = endOf(report.code ?? null, report.signal ?? null);
  });
  guardian.once('error', (error) => started.reject(error));
  // `close` comes after the last line of every pipe, the reports included.
  lines.once('close', () => {
    if (end !== undefined) return ended.resolve(end);
    const why = 'its guardian process ended first';
    started.reject(new EvertrainError('SYSTEM_JOB_KILLED', `The job did not start: ${why}.`));
    if (pid === undefined) return;
    void killDescendants(pid, document).then(() => ended.resolve({ kind: 'lost', why }));
  });
  return { started: started.promise, ended: ended.promise };
}
