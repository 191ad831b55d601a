import type { StepDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import { checkOptions } from '../../../workflows/sdk/options.js';
import { checkStep } from '../implement.js';
import type { Implementation } from '../implementation.js';
import { CannotStart, startGuarded } from './guarded-process.js';
import type { JobFiles } from './job-document.js';
import type { JobProcess } from './job-process.js';
import { checkJobOptions, gpuVariables, type JobOptions, jobOptionNames } from './job-options.js';
import { packageFile } from './package-file.js';
import { type PythonEnvironment, pythonEnvironment, pythonMissing, requirementsOf } from './python-environment.js';
import { pythonFingerprint } from './python-fingerprint.js';
import type { PythonHost } from './python-host.js';
import { isSpawnError, PythonHosts, pythonVariables } from './python-hosts.js';
import { checkScript, type PythonTarget, pythonTarget } from './python-target.js';
import { defaultGraceMs, runJob } from './run-job.js';

export interface PythonOptions extends JobOptions {
  /** The interpreter. Default: the environment of `requirements`. */
  readonly python?: string;
  /** A requirements file with pinned packages. Default: the nearest `requirements.txt` at or above the script. */
  readonly requirements?: string;
  /**
   * A process of its own for each attempt instead of a fork of the warm host: for CUDA, which no fork survives. Steps that
   * ask for GPUs (`resources`) have one anyway.
   */
  readonly fresh?: boolean;
  /**
   * Leaves the process of an attempt to the next one of the same target, for many short ones: about 30 ms less a trial of a
   * study. The script and its own modules are loaded anew for each, with the same variables, folder and random state; what
   * installed packages keep in memory stays. A process ends after a failure, with threads, children, open files or more than
   * 256 MB left, or after a minute without work.
   */
  readonly reuse?: boolean;
  /** Turns `mlflow.log_metric(s)` of existing code into metrics of the step. */
  readonly mlflow?: boolean;
}

export interface PythonImplementation extends Implementation {
  /** USER_FILE_NOT_FOUND where the script is missing; the environment's error where it cannot be made. */
  check(): Promise<void>;
  /** Starts the warm host now, so that the first job finds it ready; `close` calls it off. */
  warm(): Promise<void>;
  close(): Promise<void>;
}

const hosts = new PythonHosts();
/** Every script that was bound: a host imports for all that share its environment. */
const bound = new Set<Binding>();

/**
 * Binds a step to Python: `'train.py:fit'` calls a function with the input's fields, `'train.py'` runs the whole script.
 * What Python code sees is in python/evertrain.py; how errors come out, at `runJob`.
 *
 * By default jobs are forked from a warm host that has imported the scripts' packages (milliseconds instead of seconds);
 * on Windows, with `fresh`, and for a step that asks for GPUs, each attempt is a process of its own.
 */
export function implementPython<S extends StepDefinition>(
  step: S,
  target: string,
  options: PythonOptions = {},
): PythonImplementation {
  checkStep('implementPython', step);
  const owner = `implementPython of step "${step.name}"`;
  checkOptions(owner, options, [...jobOptionNames, 'python', 'requirements', 'fresh', 'reuse', 'mlflow']);
  checkJobOptions(owner, step, options);
  const asksForGpus = (step.policy.resources?.gpu ?? 0) > 0;
  checkReuse(owner, options, asksForGpus);
  const binding = new Binding(pythonTarget(target), asksForGpus ? { ...options, fresh: true } : options);
  bound.add(binding);
  return {
    step,
    run: async (input, context) => {
      checkScript(binding.target);
      const job = {
        name: binding.target.name,
        target: binding.documentTarget,
        input,
        needsOutput: step.output !== undefined,
        mlflow: options.mlflow === true,
        reuse: options.reuse === true,
        graceMs: options.graceMs ?? defaultGraceMs,
        launch: (files: Promise<JobFiles>) => binding.launch(files, context.gpus),
      };
      return runJob(job, context);
    },
    fingerprint: async () => {
      checkScript(binding.target);
      return pythonFingerprint(binding.target, await binding.environment(), options.env);
    },
    check: async () => {
      checkScript(binding.target);
      await binding.environment();
    },
    warm: () => binding.warm(),
    close: () => {
      bound.delete(binding);
      return hosts.release(binding);
    },
  };
}

function checkReuse(owner: string, { reuse, fresh, mlflow }: PythonOptions, asksForGpus: boolean): void {
  if (reuse !== true) return;
  const against = [
    [fresh === true, '`fresh` gives each attempt a process of its own', 'Remove one of the two.'],
    [asksForGpus, 'a step that asks for GPUs has a process of its own for each attempt', 'Remove `reuse`.'],
    [
      mlflow === true,
      'what `mlflow` changes in MLflow is for one attempt',
      'Report by `ctx.metric`, or remove `reuse`.',
    ],
  ] as const;
  for (const [applies, why, remedy] of against) {
    if (applies)
      throw new EvertrainError('USER_OPTION_INVALID', `${owner}: reuse does not go here: ${why}.`, { remedy });
  }
}

/** A script with its options: finds its environment, and starts its jobs. */
class Binding {
  constructor(
    readonly target: PythonTarget,
    private readonly options: PythonOptions,
  ) {}

  get documentTarget(): string {
    const { script, function: name } = this.target;
    return name === undefined ? script : `${script}:${name}`;
  }

  environment(): Promise<PythonEnvironment> {
    return pythonEnvironment(this.target.script, this.options);
  }

  async warm(): Promise<void> {
    checkScript(this.target);
    if (this.isFresh) return;
    bound.add(this);
    await this.environment();
    // Making one takes minutes: its worker may have ended meanwhile.
    if (bound.has(this)) await this.host();
  }

  async launch(files: Promise<JobFiles>, gpus: readonly string[]): Promise<JobProcess> {
    if (this.isFresh) return this.startProcess(await files, gpus);
    const host = await this.host();
    const path = files.then((written) => written.path);
    return host.run(path, this.options.reuse === true ? this.documentTarget : undefined);
  }

  private get isFresh(): boolean {
    return this.options.fresh === true || process.platform === 'win32';
  }

  /** Bindings with an equal one can share a host. */
  private get hostName(): string {
    const { python, requirements, env } = this.options;
    return JSON.stringify([python ?? requirementsOf(this.target.script, requirements), env]);
  }

  private async host(): Promise<PythonHost> {
    bound.add(this);
    const { python } = await this.environment();
    const alike = [...bound].filter((one) => !one.isFresh && one.hostName === this.hostName);
    const scripts = alike.map((one) => one.target.script);
    try {
      return await hosts.acquire(this, { python, env: this.options.env ?? {} }, scripts);
    } catch (error) {
      const isTooOld = (error as Error).message.includes('needs Python 3.10');
      if (isSpawnError(error) || isTooOld) throw pythonMissing(python, error);
      throw new EvertrainError(
        'SYSTEM_JOB_KILLED',
        `The warm Python host did not start: ${(error as Error).message}.`,
        {
          value: python,
          remedy: 'Run the script by hand with this Python, or bind it with { fresh: true }.',
          cause: error,
        },
      );
    }
  }

  private async startProcess(files: JobFiles, gpus: readonly string[]): Promise<JobProcess> {
    const { python } = await this.environment();
    const own = { ...gpuVariables(gpus), EVERTRAIN_JOB: files.path, EVERTRAIN_ACK: 'stdin' };
    const env = { ...pythonVariables(this.options.env), ...own };
    const argv = [python, packageFile('python/evertrain.py'), 'job'];
    try {
      return await startGuarded({ argv, cwd: process.cwd(), env, document: files.path });
    } catch (error) {
      throw error instanceof CannotStart ? pythonMissing(python, error) : error;
    }
  }
}
