import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names one process on one machine for ever. A pid alone does not: it is given again after the process ended, so the
 * start time goes with it where the system tells it (Linux), together with the boot it is counted from.
 *
 * @typedef {{ host: string, pid: number, start?: string }} ProcessIdentity
 */

/**
 * The identity of the process that now has this pid, or undefined when there is none.
 *
 * @param {number} pid
 * @returns {ProcessIdentity | undefined}
 */
export function identify(pid) {
  if (!isAlive(pid)) return undefined;
  const start = startOf(pid);
  return { host: hostname(), pid, ...(start === undefined ? {} : { start }) };
}

/**
 * Whether that very process still runs. Only meaningful for a process of this machine.
 *
 * @param {ProcessIdentity} identity
 */
export function runs(identity) {
  const now = identify(identity.pid);
  if (now === undefined || now.host !== identity.host) return false;
  return now.start === undefined || identity.start === undefined || now.start === identity.start;
}

/** @param {number} pid */
function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: the process exists and belongs to somebody else.
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

/** @param {number} pid */
function isZombie(pid) {
  return /^[ZX]/.test(statFields(pid)?.[0] ?? '');
}

/** @param {number} pid */
function startOf(pid) {
  const ticks = statFields(pid)?.[19];
  return ticks === undefined ? undefined : `${bootId()}:${ticks}`;
}

/**
 * The fields of /proc/<pid>/stat from the third (state) on: the second is the program's name, which may hold anything.
 *
 * @param {number} pid
 */
function statFields(pid) {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function bootId() {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
