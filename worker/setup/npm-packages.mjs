/**
 * Installs the npm packages of the lock file, and leaves its hash in node_modules: the same hash means nothing to do.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder, makeFolder } from './cache-folder.mjs';
import { findExecutable } from './find-executable.mjs';
import { waitForLock } from './process-lock.mjs';
import { asProgress } from './progress.mjs';
import { CommandFailed, runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * @param {{ root: string, log?: import('./progress.mjs').Log }} options `root` is the folder with package-lock.json
 * @returns {Promise<void>}
 */
export async function ensureNpmPackages({ root, log }) {
  const stamp = join(root, 'node_modules', '.evertrain-stamp');
  const wanted = stampOf(root);
  if (isUpToDate(stamp, wanted)) return;
  const progress = asProgress(log);
  const locks = makeFolder(join(cacheFolder(), 'locks'));
  const lock = await waitForLock(join(locks, `npm-${sha256(root).slice(0, 16)}`), ({ pid }) => {
    progress.line(`Another set-up (process ${pid}) is installing the npm packages; waiting for it.`);
  });
  try {
    if (isUpToDate(stamp, wanted)) return;
    rmSync(stamp, { force: true });
    await progress.during('Installing the npm packages', (tell) => install(root, tell));
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, wanted);
  } finally {
    lock.release();
  }
}

/**
 * Whether the packages of the lock file are what is installed; changes nothing.
 *
 * @param {{ root: string }} options
 */
export function hasNpmPackages({ root }) {
  return isUpToDate(join(root, 'node_modules', '.evertrain-stamp'), stampOf(root));
}

/** @param {string} root */
function stampOf(root) {
  const path = join(root, 'package-lock.json');
  if (!existsSync(path)) {
    throw new SetupError('USER_FILE_NOT_FOUND', `There is no package-lock.json in ${root}.`, {
      value: path,
      remedies: ['Restore it (`git checkout -- package-lock.json`): the set-up installs exactly what it says.'],
    });
  }
  // Some packages have parts per platform, so a folder that moved to another machine is not up to date.
  return `${sha256(readFileSync(path))} ${process.platform}-${process.arch}`;
}

/**
 * @param {string} stamp
 * @param {string} wanted
 */
function isUpToDate(stamp, wanted) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

/**
 * @param {string} root
 * @param {(detail: string) => void} tell
 */
async function install(root, tell) {
  const [command, ...args] = npm();
  try {
    // Tests need the development packages whatever NODE_ENV says.
    const flags = ['--include=dev', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=http'];
    // npm names the cause first and ends with its own manual.
    const pick = (/** @type {string} */ line) => /^npm error \S/.test(line);
    await runCommand(command, [...args, 'ci', ...flags], { cwd: root, onLine: tell, pick });
  } catch (cause) {
    if (!(cause instanceof CommandFailed)) throw cause;
    throw new SetupError('SYSTEM_PEER_MISSING', `The npm packages could not be installed: ${cause.message}`, {
      remedies: [
        'If the registry could not be reached: check the network and `npm config get registry`.',
        'If package.json and package-lock.json differ: run `npm install`, then start again.',
        'If node_modules belongs to another user: remove it, then start again.',
      ],
      cause,
    });
  }
}

/**
 * npm's script run by this Node: no shell, and never the npm of another Node.
 *
 * @returns {[string, ...string[]]}
 */
function npm() {
  const beside = dirname(process.execPath);
  const scripts = [
    process.env.npm_execpath ?? '',
    join(beside, '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(beside, 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const script = scripts.find((path) => path.endsWith('npm-cli.js') && existsSync(path));
  return script === undefined ? [findExecutable('npm') ?? 'npm'] : [process.execPath, script];
}

/** @param {string | Uint8Array} data */
function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}
