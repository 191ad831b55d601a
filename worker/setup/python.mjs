/**
 * Makes the Python environment of a requirements file: a virtual environment in the cache, named by the digest of the
 * file and of the interpreter, so projects share equal ones and a changed file gets a new one. Each build has a folder
 * of its own and `current.json`, written last, names the finished one: a build that was killed is never used.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, makeFolder } from './cache-folder.mjs';
import { findExecutable } from './find-executable.mjs';
import { waitForLock } from './process-lock.mjs';
import { asProgress } from './progress.mjs';
import { CommandFailed, runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

const oldestPython = [3, 10];
const candidates = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];
/** Installs packages about ten times as fast as pip; where it cannot be had, pip does the same. */
const uv = 'uv==0.13.8';

/** The environment of the shipped pipelines. */
export const shippedRequirements = fileURLToPath(new URL('../../python/requirements.txt', import.meta.url));

/** The environment of Optuna's samplers. */
export const searchRequirements = fileURLToPath(new URL('../../python/search-requirements.txt', import.meta.url));

/** @typedef {{ executable: string, version: string, identity: string }} Interpreter */

/**
 * `requirements` is the path of a requirements file with every package pinned. Answers the environment's interpreter
 * and the digest that names the environment. Fails with SYSTEM_PYTHON_MISSING when there is no Python ≥ 3.10 or the
 * packages cannot be installed, USER_FILE_NOT_FOUND when there is no such file.
 *
 * @param {{ requirements?: string, log?: import('./progress.mjs').Log }} [options]
 * @returns {Promise<{ python: string, digest: string }>}
 */
export async function ensurePython({ requirements = shippedRequirements, log } = {}) {
  const { interpreter, digest, folder, python: ready } = await findPythonEnvironment(requirements);
  if (ready !== undefined) return { python: ready, digest };
  const progress = asProgress(log);
  makeFolder(folder);
  const lock = await waitForLock(`${folder}.lock`, ({ pid }) => {
    progress.line(`Another set-up (process ${pid}) is making the Python environment; waiting for it.`);
  });
  try {
    const title = `Installing the Python packages of ${basename(requirements)} (Python ${interpreter.version})`;
    const python =
      currentPython(folder) ??
      (await progress.during(title, (tell) => makeEnvironment(folder, interpreter, requirements, tell)));
    return { python, digest };
  } finally {
    lock.release();
  }
}

/**
 * The interpreter and, when it has been made, the environment; changes nothing. Fails as `ensurePython` does.
 *
 * @param {string} [requirements]
 */
export async function findPythonEnvironment(requirements = shippedRequirements) {
  const content = readRequirements(requirements);
  const interpreter = await findPython();
  const digest = createHash('sha256').update(`${interpreter.identity}\n${content}`).digest('hex');
  const folder = join(cacheFolder(), 'python', digest);
  return { interpreter, digest, folder, python: currentPython(folder) };
}

/** @param {string} path */
function readRequirements(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SetupError(
      'USER_FILE_NOT_FOUND',
      `The Python requirements file ${path} cannot be read: ${String(cause)}.`,
      {
        value: path,
        remedies: ['Name an existing file with pinned packages, one `name==version` a line.'],
        cause,
      },
    );
  }
}

/** @returns {Promise<Interpreter>} */
async function findPython() {
  const configured = process.env.EVERTRAIN_PYTHON;
  const tried = [];
  for (const name of configured ? [configured] : candidates) {
    const path = configured ?? findExecutable(name);
    if (path === undefined) continue;
    const found = await inspect(path);
    if (typeof found !== 'string') return found;
    tried.push(found);
  }
  const seen = tried.length === 0 ? 'no `python3` or `python` is on the PATH' : tried.join('; ');
  const what = `There is no Python ${oldestPython.join('.')} or newer: ${configured ? `EVERTRAIN_PYTHON: ${seen}` : seen}.`;
  throw new SetupError('SYSTEM_PYTHON_MISSING', what, {
    value: configured,
    remedies: [
      'Install one: https://www.python.org/downloads, `apt-get install python3 python3-venv`, `brew install python`, or a version manager.',
      'Or set EVERTRAIN_PYTHON to the path of one that is not on the PATH.',
    ],
  });
}

/**
 * The interpreter, or why it will not do.
 *
 * @param {string} path
 * @returns {Promise<Interpreter | string>}
 */
async function inspect(path) {
  const code =
    'import sys, platform; print(sys.executable, sys.version.split()[0], sys.implementation.cache_tag, sys.platform, platform.machine(), sep="\\n")';
  const [executable = '', version = '', ...rest] = await runCommand(path, ['-I', '-S', '-c', code], {
    signal: AbortSignal.timeout(20_000),
  }).then(
    (output) => output.trim().split('\n'),
    (error) => ['', String(error.message)],
  );
  if (executable === '') return `${path} does not run (${version})`;
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [oldestMajor = 0, oldestMinor = 0] = oldestPython;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) return `${path} is Python ${version}`;
  return { executable, version, identity: [version, ...rest].join(' ') };
}

/**
 * The interpreter of the finished environment in this folder, if there is one and its base Python still exists.
 *
 * @param {string} folder
 */
function currentPython(folder) {
  try {
    const { environment } = JSON.parse(readFileSync(join(folder, 'current.json'), 'utf8'));
    const python = pythonOf(join(folder, environment));
    return existsSync(python) ? python : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} environment */
function pythonOf(environment) {
  return process.platform === 'win32' ? join(environment, 'Scripts', 'python.exe') : join(environment, 'bin', 'python');
}

/**
 * @param {string} folder
 * @param {Interpreter} interpreter
 * @param {string} requirements
 * @param {(detail: string) => void} tell
 */
async function makeEnvironment(folder, interpreter, requirements, tell) {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true, force: true });
  const environment = mkdtempSync(join(folder, 'env-'));
  const python = pythonOf(environment);
  try {
    await runCommand(interpreter.executable, ['-m', 'venv', environment], { onLine: tell });
    await install(python, requirements, tell);
  } catch (cause) {
    rmSync(environment, { recursive: true, force: true });
    throw cause instanceof CommandFailed ? cannotInstall(cause, requirements, interpreter) : cause;
  }
  const stamp = join(folder, 'current.json');
  writeFileSync(`${stamp}.tmp`, JSON.stringify({ environment: basename(environment), python: interpreter.version }));
  renameSync(`${stamp}.tmp`, stamp);
  return python;
}

/**
 * @param {string} python
 * @param {string} requirements
 * @param {(detail: string) => void} tell
 */
async function install(python, requirements, tell) {
  const quiet = ['--disable-pip-version-check', '--no-input'];
  try {
    await runCommand(python, ['-m', 'pip', 'install', ...quiet, uv], { onLine: tell });
    const env = { UV_PYTHON_DOWNLOADS: 'never', VIRTUAL_ENV: undefined };
    await runCommand(
      python,
      ['-m', 'uv', 'pip', 'install', '--python', python, '--compile-bytecode', '-r', requirements],
      {
        env,
        onLine: tell,
      },
    );
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    // uv does not read pip's configuration (an index of one's own, say), so its failure does not decide.
    tell('uv failed; trying pip');
    await runCommand(python, ['-m', 'pip', 'install', ...quiet, '-r', requirements], { onLine: tell });
  }
}

/**
 * @param {CommandFailed} cause
 * @param {string} requirements
 * @param {Interpreter} interpreter
 */
function cannotInstall(cause, requirements, interpreter) {
  const what = `The Python environment of ${requirements} could not be made with ${interpreter.executable} (Python ${interpreter.version}): ${cause.message}`;
  return new SetupError('SYSTEM_PYTHON_MISSING', what, {
    value: requirements,
    remedies: [
      'If a package could not be reached: check the network, or set PIP_INDEX_URL to an index that you can reach.',
      'If `venv` or `ensurepip` is missing: `apt-get install python3-venv`.',
      'If a package has no build for this Python: set EVERTRAIN_PYTHON to another one (3.11 to 3.13 are tested).',
    ],
    cause,
  });
}
