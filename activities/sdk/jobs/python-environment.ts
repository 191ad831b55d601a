import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { EvertrainError } from '../../../workflows/sdk/errors.js';

/** Which Python runs a job. */
export interface PythonEnvironment {
  /** Path or name of the interpreter. */
  readonly python: string;
  /** Names its packages: part of the cache key. */
  readonly digest: string;
}

/** Makes the environment of a requirements file (absent: the shipped one) or finds it made. */
export type PythonResolver = (requirements: string | undefined) => Promise<PythonEnvironment>;

let resolver: PythonResolver | undefined;
const resolved = new Map<string, Promise<PythonEnvironment>>();

/**
 * The worker says how Python environments are made, since activities know nothing of set-up. Until then jobs run on
 * EVERTRAIN_PYTHON, or `python3`.
 */
export function configurePython(use: PythonResolver | undefined): void {
  resolver = use;
  resolved.clear();
}

/** As `configurePython`, unless somebody has said it before. */
export function configurePythonByDefault(use: PythonResolver): void {
  resolver ??= use;
}

/**
 * The environment of a script: the interpreter that the step names; else the environment of its requirements file, by
 * default the nearest `requirements.txt` at or above the script inside the project (then `python/requirements.txt`).
 */
export async function pythonEnvironment(
  script: string,
  options: { readonly python?: string; readonly requirements?: string },
): Promise<PythonEnvironment> {
  const { python } = options;
  if (python !== undefined) return { python, digest: `python:${python}` };
  const requirements = requirementsOf(script, options.requirements);
  if (options.requirements !== undefined && !existsSync(requirements as string)) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no requirements file ${requirements}.`, {
      value: options.requirements,
      remedy: 'Name a file with one pinned package a line, relative to the working directory.',
    });
  }
  if (resolver === undefined) {
    const fallback = process.env.EVERTRAIN_PYTHON || 'python3';
    return { python: fallback, digest: `python:${fallback}` };
  }
  return resolveOnce(resolver, requirements);
}

/** The requirements file of a script; it may be missing where the step names it. */
export function requirementsOf(script: string, named: string | undefined): string | undefined {
  return named === undefined ? nearest(script) : resolve(named);
}

/** Concurrent jobs wait for one set-up; a failed one is tried again. */
function resolveOnce(use: PythonResolver, requirements: string | undefined): Promise<PythonEnvironment> {
  const key = requirements ?? '';
  let environment = resolved.get(key);
  if (environment === undefined) {
    environment = use(requirements);
    resolved.set(key, environment);
    environment.catch(() => resolved.delete(key));
  }
  return environment;
}

function nearest(script: string): string | undefined {
  const project = process.cwd();
  const isInside = !relative(project, script).startsWith('..');
  for (let folder = dirname(script); isInside; folder = dirname(folder)) {
    const candidates = [join(folder, 'requirements.txt'), join(folder, 'python', 'requirements.txt')];
    const found = candidates.find((path) => existsSync(path));
    if (found !== undefined) return found;
    if (folder === project || folder === dirname(folder)) break;
  }
  return undefined;
}

export function pythonMissing(python: string, cause: unknown): EvertrainError {
  return new EvertrainError(
    'SYSTEM_PYTHON_MISSING',
    `Python cannot be started: ${(cause as Error).message.replace(/\.$/, '')}.`,
    {
      value: python,
      remedy: 'Install Python 3.10 or newer, or set EVERTRAIN_PYTHON to its path.',
      cause,
    },
  );
}
