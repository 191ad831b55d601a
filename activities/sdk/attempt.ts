import { mkdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import type { Context } from '@temporalio/activity';
import type { Artifact, Producer } from '../../workflows/sdk/artifact.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { resourcesText } from '../../workflows/sdk/resources.js';
import type { StepHeader } from '../../workflows/sdk/step-header.js';
import type { Checkpoint, StepArtifacts, StepContext, StepLogger } from './context.js';
import { type AttemptJournal, openAttemptJournal } from './journal/attempt-journal.js';
import { RunReports } from './run-reports.js';
import { masked, secretValue } from './secrets.js';
import type { Lease } from './ports.js';
import type { StepServices } from './services.js';
import { StepCheckpoints } from './step-checkpoints.js';
import { putDirectory } from './store/directory.js';
import { mediaTypeOf } from './store/media-type.js';

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly outcome: 'completed' | 'cancelled' }
  | { readonly outcome: 'failed'; readonly code: string; readonly message: string };

/** Where an attempt runs: a Temporal activity, or a process by itself (`runStepHere`). */
export type AttemptHost = Pick<Context, 'cancellationSignal' | 'heartbeat'> & {
  readonly info: Pick<Context['info'], 'activityId' | 'activityType' | 'attempt' | 'heartbeatTimeoutMs'> & {
    readonly workflowType?: string | undefined;
    readonly workflowExecution?: Context['info']['workflowExecution'];
  };
};

/** One try of a step on this worker. */
export interface Attempt {
  readonly context: StepContext;
  readonly producer: Producer;
  /** Starts the heartbeats; a second attempt first fences earlier ones off, before any user code runs. */
  begin(): Promise<void> | undefined;
  /** Why the worker gave the attempt up by itself (hung, fenced). */
  readonly failure: EvertrainError | undefined;
  /** Waits until the lease is given, and shows so; that is no silence of the step. */
  enter(lease: Lease): Promise<void>;
  /** The implementation's answer, or the worker's own reason to give up first. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Gives what is on its way to the run a moment; answers nothing where nothing is. Never fails. */
  told(): Promise<void> | undefined;
  /** Leaves the record; answers nothing where nothing is left to wait for. */
  close(end: AttemptEnd): Promise<void> | undefined;
}

/**
 * Opens an attempt: heartbeats in the background (they prove that the worker lives, and repeat the last checkpoint
 * pointer), a watchdog on progress, the journal, and from the second attempt on the fence against the first. It runs for
 * every step, so what a short one does not need costs it nothing: no timer, folder, file or promise of its own.
 */
export function openAttempt(activity: AttemptHost, header: StepHeader, services: StepServices): Attempt {
  const { info } = activity;
  const execution = info.workflowExecution ?? { workflowId: 'none', runId: info.activityId };
  return new OpenAttempt(activity, header, services, {
    ...execution,
    stepId: info.activityId,
    attempt: info.attempt,
  });
}

const journals = new WeakMap<StepContext, AttemptJournal>();

/** For code that can wait while much of what its step has said is unwritten; undefined where it need not. */
export function roomInJournal(context: StepContext): Promise<void> | undefined {
  return journals.get(context)?.room();
}

class OpenAttempt implements Attempt {
  readonly context: StepContext;
  private readonly journal: AttemptJournal;
  private readonly startedAt = Date.now();
  private readonly began = performance.now();
  private workDir: string | undefined;
  private gpus: readonly string[] = [];

  private readonly state: AttemptState;
  private readonly checkpoints: StepCheckpoints;
  private readonly reports: RunReports | undefined;

  constructor(
    activity: AttemptHost,
    header: StepHeader,
    private readonly services: StepServices,
    readonly producer: Producer,
  ) {
    const { info } = activity;
    const state = new AttemptState(activity, header);
    this.state = state;
    const journal = openAttemptJournal(services.journal, services.records, producer, services.logCapBytes);
    this.journal = journal;
    const { workflowId, runId } = producer;
    // What most steps do not use is made when it is asked for: it costs more than a trivial step.
    const artifacts = lazy(() => artifactsOf(services, producer));
    const log = lazy(() => this.logger());
    const checkpoints = new StepCheckpoints(services, producer, {
      resumes: header.resumes,
      log,
      saw: (pointer) => state.sawCheckpoint(pointer),
      flush: () => journal.flush().catch(() => undefined),
    });
    this.checkpoints = checkpoints;
    const reports = reportsOf(header, services, producer, log);
    this.reports = reports;
    const workDir = () => this.openWorkDir();
    const gpus = () => this.gpus;
    this.context = {
      get log() {
        return log();
      },
      get artifacts() {
        return artifacts();
      },
      checkpoints,
      secret: secretValue,
      progress(fraction, message) {
        if (!(fraction >= 0 && fraction <= 1)) throw notFinite('progress', fraction, 'Use a fraction from 0 to 1.');
        state.sawProgress({ fraction, ...(message === undefined ? {} : { message: masked(message) }) });
        journal.progress(fraction, message);
      },
      metric(name, value, at) {
        if (!Number.isFinite(value)) throw notFinite(`metric "${name}"`, value, 'Report finite numbers only.');
        if (at !== undefined && !Number.isFinite(at)) {
          throw notFinite(`"at" of metric "${name}"`, at, 'Report finite numbers only.');
        }
        state.sawSignOfLife();
        journal.metric(name, value, at);
        if (name === header.reports && at !== undefined) reports?.add({ stepId: producer.stepId, at, value });
      },
      get signal() {
        return state.signal;
      },
      attempt: info.attempt,
      seed: header.seed,
      idempotencyKey: `${workflowId}/${runId}/${info.activityId}`,
      get gpus() {
        return gpus();
      },
      run: { workflowId, runId, pipeline: info.workflowType ?? '' },
      step: { id: info.activityId, name: info.activityType },
      get workDir() {
        return workDir();
      },
    };
  }

  begin(): Promise<void> | undefined {
    journals.set(this.context, this.journal);
    if (this.producer.attempt > 1) return this.checkpoints.open().then(() => this.state.start());
    this.state.start();
    return undefined;
  }

  get failure(): EvertrainError | undefined {
    return this.state.failure;
  }

  async enter({ needs, gpus }: Lease): Promise<void> {
    if (gpus instanceof Promise) this.context.progress(0, `waits for ${resourcesText(needs)} of this worker`);
    this.gpus = await this.state.whilePatient(gpus);
  }

  race<T>(work: Promise<T>): Promise<T> {
    return this.state.race(work);
  }

  told(): Promise<void> | undefined {
    return this.reports?.settle();
  }

  close(end: AttemptEnd): Promise<void> | undefined {
    this.state.stop();
    this.reports?.drop();
    const { startedAt, workDir } = this;
    // A clock that is set meanwhile must not make it last an hour, or less than nothing.
    const endedAt = startedAt + Math.round(performance.now() - this.began);
    const closed = this.journal.close({ ...end, worker: this.services.identity, startedAt, endedAt });
    if (workDir === undefined) return closed;
    return Promise.all([closed, rm(workDir, { recursive: true, force: true })]).then(() => undefined);
  }

  private openWorkDir(): string {
    if (this.workDir === undefined) {
      const path = join(this.services.tmpDir, randomUUID());
      mkdirSync(path, { recursive: true });
      this.workDir = path;
    }
    return this.workDir;
  }

  private logger(): StepLogger {
    const { runId: run, workflowId: workflow, stepId: step, attempt } = this.producer;
    const fields = { run, workflow, step, attempt };
    return logger((level, message, more) => {
      if (this.journal.log(level, message, more ?? {})) this.services.log(level, message, { ...fields, ...more });
    });
  }
}

function reportsOf(
  { reports }: StepHeader,
  { tell }: StepServices,
  { workflowId, runId }: Producer,
  log: () => StepLogger,
): RunReports | undefined {
  if (reports === undefined || tell === undefined) return undefined;
  return new RunReports((report) => tell({ workflowId, runId }, report), log);
}

function notFinite(what: string, value: number, remedy: string): EvertrainError {
  return new EvertrainError('USER_OUTPUT_INVALID', `${what} is ${value}.`, { value: String(value), remedy });
}

/** Heartbeats, the progress watchdog, and the one signal that stops the work. */
class AttemptState {
  failure: EvertrainError | undefined;
  private readonly giveUp = lazy(() => new AbortController());
  private readonly combined = lazy(() => AbortSignal.any([this.activity.cancellationSignal, this.giveUp().signal]));
  private readonly details: { checkpoint?: unknown; progress?: unknown } = {};
  private lastLifeAt = performance.now();
  private isPatient = false;
  private beatEveryMs = 0;
  private nextBeatAt = 0;
  private abandoned: ((error: EvertrainError) => void) | undefined;

  constructor(
    private readonly activity: AttemptHost,
    private readonly header: StepHeader,
  ) {}

  /** Cancelled by the run, or given up by the worker. Made when asked for: it costs more than a trivial step. */
  get signal(): AbortSignal {
    return this.combined();
  }

  start(): void {
    const { heartbeatTimeoutMs } = this.activity.info;
    this.beatEveryMs = Math.min(
      (heartbeatTimeoutMs ?? 10_000) / 4,
      (this.header.progressWithinMs ?? 10_000) / 4,
      2_500,
    );
    this.lastLifeAt = performance.now();
    this.nextBeatAt = this.lastLifeAt + this.beatEveryMs;
    if (this.details.checkpoint !== undefined) this.beat();
    pulse.add(this);
  }

  stop(): void {
    pulse.delete(this);
  }

  beatWhenDue(now: number): void {
    if (now < this.nextBeatAt) return;
    this.nextBeatAt = now + this.beatEveryMs;
    this.beat();
    this.watch();
  }

  sawSignOfLife(): void {
    this.lastLifeAt = performance.now();
  }

  sawProgress(progress: unknown): void {
    this.sawSignOfLife();
    this.details.progress = progress;
    this.beat();
  }

  sawCheckpoint(pointer: Checkpoint): void {
    this.sawSignOfLife();
    this.details.checkpoint = { sequence: pointer.sequence, attempt: pointer.attempt, uri: pointer.artifact.uri };
    this.beat();
  }

  /** The watchdog lets this pass. */
  async whilePatient<T>(wait: T | Promise<T>): Promise<T> {
    this.isPatient = true;
    try {
      return await wait;
    } finally {
      this.isPatient = false;
      this.sawSignOfLife();
    }
  }

  race<T>(work: Promise<T>): Promise<T> {
    if (this.header.progressWithinMs === undefined) return work;
    work.catch(() => undefined);
    const abandoned = new Promise<never>((_, reject) => {
      this.abandoned = reject;
    });
    return Promise.race([work, abandoned]);
  }

  private beat(): void {
    this.activity.heartbeat({ ...this.details });
  }

  private watch(): void {
    const limit = this.header.progressWithinMs;
    const silentMs = Math.round(performance.now() - this.lastLifeAt);
    if (limit === undefined || silentMs <= limit || this.isPatient || this.failure !== undefined) return;
    this.failure = new EvertrainError(
      'SYSTEM_NO_PROGRESS',
      `"${this.activity.info.activityId}" reported nothing for ${silentMs} ms.`,
      {
        value: silentMs,
        remedy: 'Report progress, a metric or a checkpoint more often, or raise `progressWithin`.',
      },
    );
    this.giveUp().abort(this.failure);
    this.abandoned?.(this.failure);
  }
}

/** How exactly heartbeats and the watchdog keep their times. */
const pulseMs = 25;

/** One timer for all attempts of the process: with one each, a trivial step would pay more for it than for its work. */
const pulse = {
  attempts: new Set<AttemptState>(),
  timer: undefined as NodeJS.Timeout | undefined,

  add(attempt: AttemptState): void {
    this.attempts.add(attempt);
    this.timer ??= setInterval(() => this.beat(), pulseMs);
  },

  /** The timer goes on for a moment: steps often follow each other at once. */
  delete(attempt: AttemptState): void {
    this.attempts.delete(attempt);
  },

  beat(): void {
    const now = performance.now();
    for (const attempt of this.attempts) attempt.beatWhenDue(now);
    if (this.attempts.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  },
};

function artifactsOf({ store }: StepServices, producer: Producer): StepArtifacts {
  const mine = async (stored: Promise<Artifact>): Promise<Artifact> => ({ ...(await stored), producedBy: producer });
  const bytes = async (artifact: Artifact) => readFile(await store.materialize(artifact));
  return {
    putFile: (path, mediaType) => mine(store.put({ path }, mediaType ?? mediaTypeOf(path))),
    putDirectory: (path) => mine(putDirectory(store, path)),
    putBytes: (content, mediaType) => mine(store.put(content, mediaType)),
    putJson: (value) => mine(store.put(Buffer.from(JSON.stringify(value)), 'application/json')),
    path: (artifact) => store.materialize(artifact),
    bytes,
    json: async (artifact) => JSON.parse((await bytes(artifact)).toString('utf8')) as unknown,
  };
}

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

type Level = 'debug' | 'info' | 'warn' | 'error';

function logger(write: (level: Level, message: string, fields?: Record<string, unknown>) => void): StepLogger {
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
  };
}
