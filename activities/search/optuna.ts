import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import type { SuggestAnswer, SuggestRequest } from '../../workflows/sdk/search/suggest.js';
import type { StudyDocument } from '../../workflows/sdk/search/study-record.js';
import { packageFile } from '../sdk/jobs/package-file.js';
import { pythonEnvironment, pythonMissing } from '../sdk/jobs/python-environment.js';
import { isSpawnError } from '../sdk/jobs/python-hosts.js';
import type { StepServices } from '../sdk/services.js';
import { completedTrials } from './completed-trials.js';
import { OptunaProcess, OptunaProcessLost, type OptunaReply } from './optuna-process.js';

export interface OptunaOptions {
  /** What its Python environment is made from. */
  readonly requirements: string;
  readonly log: StepServices['log'];
  /** Whether the Python environment has been made. Default: no. */
  readonly isReady?: () => Promise<boolean>;
  readonly limits?: OptunaLimits;
}

/** When the process is replaced: studies are then replayed, so not often. */
export interface OptunaLimits {
  /** By how much it may grow. */
  readonly mostGrowthKib: number;
  /** Before it has answered so often it is kept, however large: one study alone may be above the bound. */
  readonly leastAnswers: number;
}

const defaultLimits: OptunaLimits = { mostGrowthKib: 1024 * 1024, leastAnswers: 100 };

/** To load scikit-learn takes the process that tells importances 1.2 s; from then on it holds 150 MB. */
const idleImportanceMs = 5 * 60_000;

/** Importances take seconds: not where others wait for suggestions. */
type Op = 'suggest' | 'importance';

/**
 * Optuna for the studies of a worker: a warm process for each op, started with the first request. It may end at any moment,
 * since all that it holds can be made again from the events of a study; a request that it could not answer goes to the next.
 */
export class Optuna {
  private readonly current: Partial<Record<Op, Promise<OptunaProcess>>> = {};
  private idle: NodeJS.Timeout | undefined;
  /** All that have not ended. */
  private readonly running = new Set<OptunaProcess>();
  private isClosed = false;

  constructor(private readonly options: OptunaOptions) {}

  /** Of the process that answers now. */
  pid(op: Op): Promise<number | undefined> | undefined {
    return this.current[op]?.then((process) => process.pid);
  }

  /**
   * USER_OPTION_INVALID for what no sampler can take, SYSTEM_PEER_MISSING without a package, USER_SAMPLER_FAILED when
   * Optuna raises, SYSTEM_JOB_KILLED when its process dies of the request; the environment's errors.
   */
  async suggest(request: SuggestRequest, signal?: AbortSignal): Promise<SuggestAnswer> {
    const { study } = request;
    const { answer, notes } = await this.ask(`study "${study}"`, 'suggest', request, signal);
    if (notes.made !== undefined) this.options.log('debug', `the sampler of the study was ${notes.made}`, { study });
    if (notes.warning !== undefined) {
      const what =
        'Optuna no longer suggests what it did; the study goes on from its recorded trials with another seed';
      this.options.log('warn', what, { study, why: notes.warning });
    }
    return answer as SuggestAnswer;
  }

  /**
   * By name of the parameter, adding up to 1; undefined where it cannot be told. No environment is made for a study whose
   * sampler needed none.
   */
  async importance(document: StudyDocument): Promise<StudyDocument['importance']> {
    const trials = completedTrials(document);
    if (trials.length === 0) return undefined;
    const isOptuna = /^(tpe|cma-es|gp|nsga2)\b/.test(document.sampler);
    if (!isOptuna && this.current.suggest === undefined && (await this.options.isReady?.()) !== true) return undefined;
    const { objectives, space, seed } = document;
    const request = { direction: objectives[0]?.direction, space, seed, trials };
    const asked = this.ask('the importance of parameters', 'importance', request);
    const { answer } = await asked.finally(() => this.endWhenIdle());
    return (answer ?? undefined) as StudyDocument['importance'];
  }

  /** Answers what was asked, for 10 s at most, and ends. */
  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.idle);
    const timer = setTimeout(() => this.running.forEach((process) => process.kill()), 10_000);
    await Promise.all([...this.running].map((process) => process.close()));
    clearTimeout(timer);
  }

  private async ask(what: string, op: Op, request: object, signal?: AbortSignal): Promise<Told> {
    for (let attempt = 1; ; attempt++) {
      const process = await this.acquire(op);
      try {
        return told(what, await process.ask({ ...request, op }, signal));
      } catch (error) {
        signal?.throwIfAborted();
        // What was missing may be there when it is started again.
        if (error instanceof EvertrainError && error.code === 'SYSTEM_PEER_MISSING') process.retired = true;
        if (isSpawnError(error)) throw pythonMissing(error.path ?? 'python3', error);
        if (!(error instanceof OptunaProcessLost)) throw error;
        if (attempt === 2) throw died(what, error);
      }
    }
  }

  private async acquire(op: Op): Promise<OptunaProcess> {
    for (;;) {
      const used = (this.current[op] ??= this.start());
      const process = await used.catch((error: unknown) => {
        if (this.current[op] === used) delete this.current[op];
        throw error;
      });
      if (!this.isWornOut(process)) return process;
      if (this.current[op] === used) delete this.current[op];
      void process.close();
    }
  }

  private endWhenIdle(): void {
    clearTimeout(this.idle);
    const end = (process?: OptunaProcess) => void process?.close();
    this.idle = setTimeout(() => void this.current.importance?.then(end, () => undefined), idleImportanceMs);
    this.idle.unref();
  }

  private isWornOut({ retired, growthKib, answered }: OptunaProcess): boolean {
    const { mostGrowthKib, leastAnswers } = this.options.limits ?? defaultLimits;
    return retired || (growthKib > mostGrowthKib && answered >= leastAnswers);
  }

  private async start(): Promise<OptunaProcess> {
    const { requirements } = this.options;
    const { python } = await pythonEnvironment(packageFile('python/search/serve.py'), { requirements });
    // Making one takes a while: the worker may have ended meanwhile.
    if (this.isClosed)
      throw new EvertrainError('SYSTEM_JOB_KILLED', 'The worker ends: Optuna is not started any more.');
    const process = new OptunaProcess(python);
    this.running.add(process);
    void process.gone.then(() => this.running.delete(process));
    return process;
  }
}

type Told = Extract<OptunaReply, { answer: unknown }>;

function told(what: string, reply: OptunaReply): Told {
  if ('answer' in reply) return reply;
  const { kind, message } = reply.error;
  if (kind === 'refused') {
    throw new EvertrainError('USER_OPTION_INVALID', `Optuna cannot serve ${what}: ${message}.`, {
      value: message,
      remedy: 'Correct the space, sampler, seed or first guesses of the study.',
    });
  }
  if (kind === 'missing') {
    throw new EvertrainError('SYSTEM_PEER_MISSING', `Optuna cannot serve ${what}: ${message}.`, {
      remedy:
        'Set EVERTRAIN_SEARCH_REQUIREMENTS to a requirements file that has the package and what python/search-requirements.txt has, or choose another sampler; gp() needs torch.',
    });
  }
  throw new EvertrainError('USER_SAMPLER_FAILED', `Optuna failed at ${what}: ${message}.`, {
    value: show(message),
    remedy: 'Choose another sampler or change the space; the same trials would fail again.',
  });
}

function died(what: string, error: OptunaProcessLost): EvertrainError {
  return new EvertrainError('SYSTEM_JOB_KILLED', `Optuna's process died twice of ${what}: ${error.message}.`, {
    remedy: 'SIGKILL often means that memory ran out; else choose another sampler.',
    cause: error,
  });
}
