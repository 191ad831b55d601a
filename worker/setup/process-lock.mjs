/**
 * A lock between processes is a file that holds the identity of its owner. It appears complete (a hard link to a file
 * written before), so nobody ever reads half of one. The lock of a dead owner is taken over; two processes that both
 * see it take turns by a second, short-lived file. The owner touches the file now and then, which tells processes of
 * another machine (a shared folder, a container that was replaced) that it lives: they cannot look up its pid.
 */
import {
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, runs } from './process-identity.mjs';

/** How often the owner touches its lock. */
const touchEveryMs = 10_000;
/** After this time without a touch the lock of another machine counts as left behind. */
const foreignStaleMs = 60_000;
/** The take-over file is held for milliseconds; an older one was left by a process killed in between. */
const takeOverStaleMs = 10_000;

/**
 * @typedef {import('./process-identity.mjs').ProcessIdentity} ProcessIdentity
 * @typedef {{ release: () => void }} Lock
 */

/**
 * Takes the lock, or answers who holds it. Throws what the file system throws when the folder cannot be written to.
 *
 * @param {string} path
 * @returns {{ lock: Lock } | { heldBy: ProcessIdentity }}
 */
export function tryLock(path) {
  const me = identify(process.pid) ?? { host: hostname(), pid: process.pid };
  const content = JSON.stringify(me);
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  writeFileSync(draft, content, { flag: 'wx' });
  try {
    for (;;) {
      if (link(draft, path)) return { lock: hold(path, content) };
      const owner = ownerOf(path);
      if (owner !== undefined && owner !== 'dead') return { heldBy: owner };
      if (owner === 'dead' && takeOver(path, draft)) return { lock: hold(path, content) };
      pause(5);
    }
  } finally {
    unlink(draft);
  }
}

/**
 * Waits for the lock while its owner lives.
 *
 * @param {string} path
 * @param {(owner: ProcessIdentity) => void} [onWait] called once, when it has to wait
 * @returns {Promise<Lock>}
 */
export async function waitForLock(path, onWait) {
  for (let told = false; ; told = true) {
    const taken = tryLock(path);
    if ('lock' in taken) return taken.lock;
    if (!told) onWait?.(taken.heldBy);
    await sleep(200);
  }
}

/**
 * The living process that holds the lock; changes nothing.
 *
 * @param {string} path
 * @returns {ProcessIdentity | undefined}
 */
export function lockHolder(path) {
  const owner = ownerOf(path);
  return owner === 'dead' ? undefined : owner;
}

/**
 * @param {string} path
 * @param {string} content
 * @returns {Lock}
 */
function hold(path, content) {
  const timer = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Somebody removed the file by hand; there is nothing to keep alive.
    }
  }, touchEveryMs);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      if (read(path) === content) unlink(path);
    },
  };
}

/**
 * The living owner, `dead` when it is not alive, undefined when the file is gone by now.
 *
 * @param {string} path
 * @returns {ProcessIdentity | 'dead' | undefined}
 */
function ownerOf(path) {
  const text = read(path);
  if (text === undefined) return undefined;
  const owner = parse(text);
  if (owner === undefined) return 'dead';
  if (owner.host === hostname()) return runs(owner) ? owner : 'dead';
  return ageMs(path) < foreignStaleMs ? owner : 'dead';
}

/**
 * @param {string} path
 * @param {string} draft
 */
function takeOver(path, draft) {
  const turn = `${path}.take-over`;
  if (!link(draft, turn)) {
    if (ageMs(turn) > takeOverStaleMs) unlink(turn);
    return false;
  }
  try {
    // Looked up again inside the turn: another process may have taken it over in between.
    if (ownerOf(path) !== 'dead') return false;
    unlink(path);
    return link(draft, path);
  } finally {
    unlink(turn);
  }
}

/**
 * @param {string} text
 * @returns {ProcessIdentity | undefined}
 */
function parse(text) {
  try {
    const value = JSON.parse(text);
    return typeof value?.host === 'string' && typeof value?.pid === 'number' ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {string} from
 * @param {string} to
 */
function link(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'EEXIST') return false;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'ENOSYS') return copy(from, to);
    throw error;
  }
}

/**
 * For file systems without hard links.
 *
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'EEXIST') return false;
    throw error;
  }
}

/** @param {number} ms */
function pause(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** @param {string} path */
function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** @param {string} path */
function unlink(path) {
  try {
    unlinkSync(path);
  } catch {
    // Already gone.
  }
}
