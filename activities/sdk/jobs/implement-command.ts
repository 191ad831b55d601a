import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { type Artifact, isArtifact } from '../../../workflows/sdk/artifact.js';
import type { StepDefinition } from '../../../workflows/sdk/definitions.js';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { checkOptions } from '../../../workflows/sdk/options.js';
import { isSecret, type Secret } from '../../../workflows/sdk/secret.js';
import { checkStep, type StepInput } from '../implement.js';
import type { Implementation } from '../implementation.js';
import { masked, secretValue } from '../secrets.js';
import { CannotStart, startGuarded } from './guarded-process.js';
import type { JobFiles } from './job-document.js';
import type { PlainOutput } from './job-output.js';
import type { JobProcess } from './job-process.js';
import {
  checkJobOptions,
  gpuVariables,
  jobEnvironment,
  type JobOptions,
  jobOptionNames,
  sortedEntries,
} from './job-options.js';
import { defaultGraceMs, runJob } from './run-job.js';

export interface CommandOptions extends JobOptions {
  /** Files whose content counts for the step cache, beside those that `argv` names when it is an array. */
  readonly files?: readonly string[];
  /** Environment variables that hold secrets, by name; arguments are no place for them, as process lists show those. */
  readonly secrets?: Readonly<Record<string, Secret>>;
  /** Where the output of a program comes from that does not write an output document. */
  readonly output?: PlainOutput;
}

/** Paths for a command's arguments. */
export interface CommandPaths {
  /** The job document; also in EVERTRAIN_JOB. */
  readonly job: string;
  /** Where the output document goes. */
  readonly output: string;
  /** An empty folder of the attempt's own. */
  readonly workDir: string;
  /** The local file or directory of an artifact of the input. */
  artifact(artifact: Artifact): string;
}

/** An artifact of the input stands for its local path. */
export type CommandPart = string | number | boolean | Artifact;

type Argv<S extends StepDefinition> =
  | readonly string[]
  | ((input: StepInput<S>, paths: CommandPaths) => readonly CommandPart[]);

/**
 * Binds a step to any program. `argv` is the program and its arguments, passed as they are, never through a shell; the
 * program runs in the worker's working directory and speaks the job contract (`runJob`): it reads the JSON document that
 * EVERTRAIN_JOB names and writes its output to that document's `outputPath`, unless `output` says where else it comes
 * from. Acknowledgements of checkpoints that carry an `id` come on its standard input.
 *
 * USER_FILE_NOT_FOUND where the program cannot be found or run.
 */
export function implementCommand<S extends StepDefinition>(
  step: S,
  argv: Argv<S>,
  options: CommandOptions = {},
): Implementation {
  checkStep('implementCommand', step);
  const owner = `implementCommand of step "${step.name}"`;
  checkOptions(owner, options, [...jobOptionNames, 'files', 'secrets', 'output']);
  checkJobOptions(owner, step, options);
  checkPlain(owner, options);
  if (typeof argv !== 'function') checkArgv(owner, argv);
  return {
    step,
    secrets: Object.values(options.secrets ?? {}),
    run: (input, context) => {
      let program = '';
      const command = (files: JobFiles) => {
        const paths = commandPaths(files);
        const built = typeof argv === 'function' ? textsOf(argv(input as StepInput<S>, paths), paths) : argv;
        checkArgv(owner, built);
        refuseSecrets(owner, built);
        program = built[0] as string;
        return built;
      };
      const job = {
        name: `the command of step "${step.name}"`,
        target: typeof argv === 'function' ? step.name : (argv[0] as string),
        input,
        needsOutput: step.output !== undefined,
        ...(options.output === undefined ? {} : { output: options.output }),
        graceMs: options.graceMs ?? defaultGraceMs,
        launch: async (writing: Promise<JobFiles>) => {
          const files = await writing;
          return launch(command(files), files, options, context.gpus).catch((error: unknown) => {
            throw error instanceof CannotStart ? notStarted(owner, program, error) : error;
          });
        },
      };
      return runJob(job, context);
    },
    fingerprint: () => fingerprint(argv, options),
  };
}

async function launch(
  argv: readonly string[],
  files: JobFiles,
  { env: own = {}, secrets = {} }: CommandOptions,
  gpus: readonly string[],
): Promise<JobProcess> {
  const values: Record<string, string> = {};
  for (const [name, secret] of Object.entries(secrets)) values[name] = await secretValue(secret);
  const env = {
    ...jobEnvironment({ ...own, ...values }),
    ...gpuVariables(gpus),
    EVERTRAIN_JOB: files.path,
    EVERTRAIN_ACK: 'stdin',
  };
  return startGuarded({ argv, cwd: process.cwd(), env, document: files.path });
}

function commandPaths({ path, document }: JobFiles): CommandPaths {
  return {
    job: path,
    output: document.outputPath,
    workDir: document.workDir,
    artifact: ({ sha256 }) => {
      const found = document.artifacts[sha256];
      if (found !== undefined) return found;
      throw new EvertrainError('USER_OPTION_INVALID', `The artifact ${sha256} is not in the step's input.`, {
        value: sha256,
        remedy: 'Only artifacts of the input are fetched for a command.',
      });
    },
  };
}

function textsOf(parts: readonly CommandPart[], paths: CommandPaths): unknown {
  if (!Array.isArray(parts)) return parts;
  return (parts as readonly CommandPart[]).map((part) => {
    if (isArtifact(part)) return paths.artifact(part);
    return typeof part === 'boolean' || Number.isFinite(part) ? String(part) : part;
  });
}

function refuseSecrets(owner: string, argv: readonly string[]): void {
  const at = argv.findIndex((part) => masked(part) !== part);
  if (at === -1) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: argument ${at} holds the value of a secret.`, {
    remedy: 'Process lists show arguments: pass it by `secrets`, as an environment variable.',
  });
}

function checkPlain(owner: string, { secrets = {}, output }: CommandOptions): void {
  for (const [name, value] of Object.entries(secrets)) {
    if (/^[^=\0]+$/.test(name) && isSecret(value)) continue;
    // What was given may be the secret itself.
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: secrets has ${show(name)}, which is no secret.`, {
      remedy: "Name the variable of the worker that has it: { API_TOKEN: secret('API_TOKEN') }.",
    });
  }
  if (output === undefined) return;
  checkOptions(`${owner}: output`, output, ['lastLine', 'files']);
  for (const path of Object.values(output.files ?? {})) {
    if (typeof path === 'string' && path !== '' && !isAbsolute(path) && !path.split('/').includes('..')) continue;
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: output.files has ${show(path)}.`, {
      value: path,
      remedy: 'Use paths below `workDir`; a directory ends with "/".',
    });
  }
}

function checkArgv(owner: string, argv: unknown): asserts argv is readonly string[] {
  const isUsable =
    Array.isArray(argv) &&
    argv.length > 0 &&
    argv.every((part) => typeof part === 'string' && !part.includes('\0')) &&
    argv[0] !== '';
  if (isUsable) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${show(argv)} is no command.`, {
    value: argv,
    remedy: "Use an array of text, the program first: ['Rscript', 'fit.R'].",
  });
}

function notStarted(owner: string, program: string, error: CannotStart): EvertrainError {
  const code = error.isPassing ? 'SYSTEM_JOB_KILLED' : 'USER_FILE_NOT_FOUND';
  return new EvertrainError(code, `${owner}: the program ${show(program)} ${error.message}.`, {
    value: program,
    remedy: 'Install it on the worker, or name its path; relative ones start at the working directory.',
    cause: error,
  });
}

/** Arguments (or the text of the function that makes them) and the content of the files that they name. */
async function fingerprint(argv: unknown, { files = [], env, output }: CommandOptions): Promise<string> {
  const digest = createHash('sha256');
  const named = Array.isArray(argv) ? (argv as readonly string[]) : [];
  digest.update(typeof argv === 'function' ? argv.toString() : JSON.stringify(argv));
  digest.update(JSON.stringify(sortedEntries(env)));
  if (output !== undefined) digest.update(JSON.stringify(output));
  for (const [index, file] of [...named, ...files].entries()) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() === true && !(index === 0 && isAbsolute(file))) {
      digest.update(`\0${file}\0`).update(await readFile(resolve(file)));
    } else if (index >= named.length) {
      throw new EvertrainError('USER_FILE_NOT_FOUND', `implementCommand: there is no file ${file}.`, {
        value: file,
        remedy: 'Name in `files` existing files, relative to the working directory.',
      });
    }
  }
  return digest.digest('hex');
}
