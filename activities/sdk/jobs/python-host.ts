import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Deferred, deferred } from './deferred.js';
import type { JobEnd, JobProcess } from './job-process.js';
import { packageFile } from './package-file.js';

export interface HostOptions {
  readonly python: string;
  readonly env: Readonly<Record<string, string>>;
  /** Programs whose imports are loaded once, before the first fork. */
  readonly scripts: readonly string[];
}

/** Unix socket paths are limited to 104 bytes on some systems, 108 on others. */
const longestSocketPath = 100;
const idBytes = 16;

/** How long a job that has just started goes on before a process for the next is forked beside it. */
const forkAheadMs = 50;

interface HostJob {
  readonly id: string;
  /** Whose process is left by it, and taken by the next of the same. */
  target: string | undefined;
  hasLeft: boolean;
  readonly ended: Deferred<JobEnd>;
  /** The host has told its end, too. */
  readonly gone: Deferred<void>;
  /** `o`: standard output, and acknowledgements the other way; `e`: standard error. */
  readonly sockets: Map<string, Socket>;
  readonly connected: Deferred<void>;
}

interface HostEvent {
  readonly event: 'ready' | 'exit';
  readonly id?: string;
  readonly code?: number | null;
  /** Its process waits for another job. */
  readonly stays?: boolean;
  readonly why?: string;
  /** KiB. */
  readonly rss: number;
}

/**
 * The worker's end of a warm Python host (python/evertrain_host.py): one process that has imported the heavy modules and
 * forks a process per job. One stands ready before its job is known, so a job starts in milliseconds. The host ends with
 * its standard input, and with it all its jobs: a worker that is killed leaves nothing behind. While it is idle it does
 * not keep this process alive.
 */
export class PythonHost {
  /** Ended, or no longer to be used: the next job takes another host. */
  retired = false;
  started = 0;
  /** Resident memory now and when it became ready, KiB. */
  rss = 0;
  firstRss = 0;
  /** The spare one, too. */
  private readonly jobs = new Map<string, HostJob>();
  private spare: HostJob | undefined;
  /** Targets → the jobs that have left their processes. */
  private readonly left = new Map<string, string[]>();
  private readonly ready = deferred<void>();
  private readonly gone: Promise<void>;
  private lastWords = '';

  private constructor(
    private readonly host: ChildProcess,
    private readonly server: Server,
    /** Holds the socket. */
    private readonly folder: string,
  ) {
    this.gone = new Promise((resolve) => host.once('close', () => resolve()));
    host.once('error', (error) => this.lost(error));
    host.once('exit', (code, signal) =>
      this.lost(new Error(`the Python host ended (${signal ?? `exit code ${code}`})`)),
    );
    host.stdin?.on('error', () => undefined);
    host.stderr?.on('data', (chunk: Buffer) => {
      this.lastWords = (this.lastWords + chunk.toString('utf8')).slice(-2_000);
    });
    if (host.stdout !== null) createInterface({ input: host.stdout }).on('line', (line) => this.hear(line));
    server.on('connection', (socket) => this.welcome(socket));
  }

  /** Fails with the operating system's error when Python cannot be started, or with what the host said last. */
  static async start(options: HostOptions): Promise<PythonHost> {
    const { server, path } = await listen();
    const scripts = options.scripts.flatMap((script) => ['--script', script]);
    const host = spawn(options.python, [packageFile('python/evertrain.py'), 'host', '--socket', path, ...scripts], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Its own session: a terminal's Ctrl-C lets the worker drain first.
      detached: true,
      env: options.env,
    });
    const started = new PythonHost(host, server, dirname(path));
    await started.ready.promise;
    started.forkAhead();
    return started;
  }

  get running(): number {
    return this.jobs.size - (this.spare === undefined ? 0 : 1);
  }

  /**
   * Starts the job of a document, whose path it is told once its process is there; settles once its streams are connected.
   * With `target` in the process that an earlier one of it has left, where there is one.
   */
  async run(document: Promise<string>, target?: string): Promise<JobProcess> {
    const job = this.open(target);
    const { id } = job;
    this.started++;
    this.keepAlive();
    setTimeout(() => this.forkAhead(), forkAheadMs).unref();
    document.catch(() => this.tell({ op: 'stop', id, signal: 'KILL' }));
    const [path] = await Promise.all([document, Promise.race([job.connected.promise, job.ended.promise])]);
    const out = job.sockets.get('o');
    out?.write(`${path}\n`);
    return {
      stdout: out ?? new PassThrough().end(),
      stderr: job.sockets.get('e') ?? new PassThrough().end(),
      ended: job.ended.promise,
      acknowledge: (line) => void out?.write(`${line}\n`),
      stop: (signal) => this.tell({ op: 'stop', id, signal: signal.slice(3) }),
    };
  }

  /** Resolves when it runs no job. */
  async idle(): Promise<void> {
    while (this.running > 0) {
      const jobs = [...this.jobs.values()].filter((job) => job !== this.spare);
      await Promise.all(jobs.map((job) => job.gone.promise));
    }
  }

  /** Ends the host and, by force, its jobs. */
  async close(): Promise<void> {
    this.retired = true;
    this.host.stdin?.end();
    const timer = setTimeout(() => this.host.kill('SIGKILL'), 10_000);
    await this.gone;
    clearTimeout(timer);
  }

  private open(target: string | undefined): HostJob {
    const of = target === undefined ? undefined : this.left.get(target)?.pop();
    const job = of === undefined ? (this.spare ?? this.order({ op: 'fork' })) : this.order({ op: 'again', of });
    if (job === this.spare) this.spare = undefined;
    job.target = target;
    return job;
  }

  private order(order: object): HostJob {
    const id = randomBytes(idBytes / 2).toString('hex');
    const open = { ended: deferred<JobEnd>(), gone: deferred<void>(), connected: deferred<void>() };
    const job: HostJob = { id, target: undefined, hasLeft: false, sockets: new Map(), ...open };
    this.jobs.set(id, job);
    if (this.retired) this.end(id, { kind: 'lost', why: 'the Python host has ended' });
    else this.tell({ ...order, id });
    return job;
  }

  private forkAhead(): void {
    if (!this.retired) this.spare ??= this.order({ op: 'fork' });
    this.keepAlive();
  }

  private tell(order: object): void {
    this.host.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  private hear(line: string): void {
    const event = JSON.parse(line) as HostEvent;
    this.rss = event.rss;
    if (event.event === 'ready') {
      this.firstRss = event.rss;
      this.ready.resolve();
    } else if (event.id !== undefined) {
      if (event.stays === true) this.leaves(event.id);
      void this.exited(event.id, toEnd(event));
    }
  }

  private leaves(id: string): void {
    const job = this.jobs.get(id);
    if (job?.target === undefined || job.hasLeft) return;
    job.hasLeft = true;
    this.left.set(job.target, [...(this.left.get(job.target) ?? []), id]);
  }

  /** The news of a job's end may overtake its connections, which still hold what it said. */
  private async exited(id: string, end: JobEnd): Promise<void> {
    const job = this.jobs.get(id);
    if (end.kind !== 'lost') await Promise.race([job?.connected.promise, sleep(1_000)]);
    this.end(id, end);
  }

  private end(id: string, end: JobEnd): void {
    const job = this.jobs.get(id);
    job?.ended.resolve(end);
    job?.gone.resolve();
    this.jobs.delete(id);
    if (this.spare?.id === id) this.spare = undefined;
    this.keepAlive();
  }

  private lost(error: Error): void {
    this.retired = true;
    const said = this.lastWords.trim();
    this.ready.reject(said === '' ? error : new Error(`${error.message}: ${said}`, { cause: error }));
    this.ready.promise.catch(() => undefined);
    for (const id of this.jobs.keys()) this.end(id, { kind: 'lost', why: error.message });
    this.server.close();
    void rm(this.folder, { recursive: true, force: true }).catch(() => undefined);
  }

  /** A job's socket says whose it is, and which stream or that the job has ended well: `<id><o|e|x>`. */
  private welcome(socket: Socket): void {
    socket.on('error', () => undefined);
    const read = () => {
      const header = socket.read(idBytes + 1) as Buffer | null;
      if (header === null) return;
      socket.off('readable', read);
      const job = this.jobs.get(header.toString('latin1', 0, idBytes));
      if (job === undefined) return void socket.destroy();
      const kind = header.toString('latin1', idBytes);
      if (kind === 'x') {
        socket.destroy();
        this.leaves(job.id);
        return job.ended.resolve({ kind: 'exited', code: 0 });
      }
      job.sockets.set(kind, socket);
      if (job.sockets.size < 2) return;
      job.connected.resolve();
      this.keepAlive();
    };
    socket.on('readable', read);
  }

  private keepAlive(): void {
    const { host, server } = this;
    const pipes = [host.stdin, host.stdout, host.stderr] as unknown as Socket[];
    const sockets = [...pipes, ...(this.spare?.sockets.values() ?? [])].filter(({ destroyed }) => !destroyed);
    for (const handle of [host, server, ...sockets]) {
      if (this.running > 0) handle.ref();
      else handle.unref();
    }
  }
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0] ?? `signal ${number}`;
}

function toEnd({ code, why }: HostEvent): JobEnd {
  if (code === undefined || code === null) return { kind: 'lost', why: why ?? 'the Python host lost it' };
  return code < 0 ? { kind: 'killed', signal: signalName(-code) } : { kind: 'exited', code };
}

async function listen(): Promise<{ server: Server; path: string }> {
  const base = Buffer.byteLength(join(tmpdir(), 'evertrain-XXXXXX', 'jobs')) <= longestSocketPath ? tmpdir() : '/tmp';
  const path = join(await mkdtemp(join(base, 'evertrain-')), 'jobs');
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  return { server, path };
}
