import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Deferred, deferred } from '../sdk/jobs/deferred.js';
import { packageFile } from '../sdk/jobs/package-file.js';
import { pythonVariables } from '../sdk/jobs/python-hosts.js';

/** What `python/search/serve.py` answers to one request. */
export type OptunaReply =
  | {
      readonly answer: unknown;
      /** `made`: how a study came about that was not at hand. `warning`: why it is not as it was recorded. */
      readonly notes: { readonly made?: 'replayed' | 'continued' | 'recorded'; readonly warning?: string };
    }
  | { readonly error: { readonly kind: 'refused' | 'missing' | 'failed'; readonly message: string } };

type Line = OptunaReply & { readonly id: number; readonly rss: number };

/** The process ended before it answered; the message has its last words. */
export class OptunaProcessLost extends Error {}

/**
 * The worker's end of a warm Optuna process: it answers one request after the other and ends with its standard input, so
 * that a worker which is killed leaves nothing behind. While it has nothing to answer it does not keep this process alive.
 */
export class OptunaProcess {
  answered = 0;
  /** Ended, or no longer to be used. */
  retired = false;
  private rss = 0;
  private firstRss: number | undefined;
  private lastId = 0;
  private lastWords = '';
  private end: Error | undefined;
  private readonly waiting = new Map<number, Deferred<OptunaReply>>();
  /** Resolves when it has ended. */
  readonly gone: Promise<void>;
  private readonly process: ChildProcess;

  /** A Python that cannot be started is the error of the first request. */
  constructor(python: string) {
    this.process = spawn(python, [packageFile('python/search/serve.py')], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Its own session: a terminal's Ctrl-C lets the worker drain first.
      detached: true,
      env: pythonVariables(),
    });
    const { stdin, stdout, stderr } = this.process;
    this.gone = new Promise((resolve) => {
      this.process.once('close', () => resolve());
      this.process.once('error', () => this.process.pid === undefined && resolve());
    });
    this.process.once('error', (error) => this.lost(error));
    this.process.once('close', (code, signal) =>
      this.lost(new OptunaProcessLost(this.obituary(signal ?? `code ${code}`))),
    );
    stdin?.on('error', () => undefined);
    stderr?.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString('utf8')).slice(-2_000);
    });
    if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => this.hear(JSON.parse(line) as Line));
    this.keepAlive();
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** Since its first answer. */
  get growthKib(): number {
    return this.rss - (this.firstRss ?? this.rss);
  }

  /** Fails with `OptunaProcessLost`, or with Node's error when it cannot be started. */
  async ask(request: object, signal?: AbortSignal): Promise<OptunaReply> {
    signal?.throwIfAborted();
    if (this.end !== undefined) throw this.end;
    const id = ++this.lastId;
    const reply = deferred<OptunaReply>();
    const abort = () => this.abandon(id);
    this.waiting.set(id, reply);
    this.keepAlive();
    signal?.addEventListener('abort', abort);
    this.process.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    try {
      return await reply.promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Answers what it was asked, then ends. */
  async close(): Promise<void> {
    this.retired = true;
    await Promise.allSettled([...this.waiting.values()].map((reply) => reply.promise));
    this.process.ref();
    this.process.stdin?.end();
    await this.gone;
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Nobody wants this answer any more. One that is being worked on may take for ever, and others wait behind it. */
  private abandon(id: number): void {
    const [first] = this.waiting.keys();
    if (first === id) this.kill();
  }

  private hear({ id, rss, ...reply }: Line): void {
    this.firstRss ??= rss;
    this.rss = rss;
    this.answered++;
    this.waiting.get(id)?.resolve(reply);
    this.waiting.delete(id);
    this.keepAlive();
  }

  private obituary(how: string): string {
    const said = this.lastWords.trim();
    return `the Optuna process ended (${how})${said === '' ? '' : `: ${said}`}`;
  }

  private lost(error: Error): void {
    this.retired = true;
    this.end ??= error;
    for (const reply of this.waiting.values()) reply.reject(error);
    this.waiting.clear();
    this.keepAlive();
  }

  private keepAlive(): void {
    const { stdin, stdout, stderr } = this.process;
    for (const handle of [this.process, ...([stdin, stdout, stderr] as unknown as Socket[])]) {
      if (this.waiting.size > 0) handle.ref();
      else handle.unref();
    }
  }
}
