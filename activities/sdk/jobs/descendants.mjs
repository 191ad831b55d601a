/**
 * Finds and ends what a job started. Shared by the guardian process and by the worker, which steps in when a guardian
 * dies. A process belongs to the job when it descends from it, is in its process group, or carries the job's own
 * EVERTRAIN_JOB in its environment: that one also finds what was detached (`setsid`, double fork).
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** @typedef {{ pid: number, parent: number, group: number }} Row */

/**
 * Kills the job's processes until none is left, or for 5 s (a process in uninterruptible sleep cannot be ended).
 *
 * @param {number} root process id and group of the job
 * @param {string} document path of the job document
 */
export async function killDescendants(root, document) {
  const deadline = Date.now() + 5_000;
  while (Date.now() < deadline) {
    const found = descendants(root, document);
    if (found.length === 0) return;
    for (const pid of found) kill(pid, 'SIGKILL');
    await sleep(5);
  }
}

/**
 * @param {number} pid negative for a process group
 * @param {NodeJS.Signals} signal
 */
export function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

/**
 * @param {number} root
 * @param {string} document
 * @returns {number[]}
 */
function descendants(root, document) {
  const rows = processes();
  const cookie = Buffer.from(`EVERTRAIN_JOB=${document}\0`);
  const found = new Set([root]);
  for (let before = 0; before < found.size; ) {
    before = found.size;
    for (const { pid, parent, group } of rows) if (found.has(parent) || group === root) found.add(pid);
  }
  const alive = new Set(rows.map(({ pid }) => pid));
  for (const pid of alive) if (!found.has(pid) && carries(pid, cookie)) found.add(pid);
  found.delete(process.pid);
  return [...found].filter((pid) => alive.has(pid));
}

/** @returns {Row[]} without zombies, which are dead and only wait to be counted */
function processes() {
  if (process.platform !== 'linux') return listed();
  const rows = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') rows.push({ pid: Number(name), parent: Number(parent), group: Number(group) });
    } catch {
      // It ended while we looked.
    }
  }
  return rows;
}

/** @returns {Row[]} */
function listed() {
  const lines = execFileSync('ps', ['-Ao', 'pid=,ppid=,pgid=,stat='], { encoding: 'utf8' }).split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([pid, , , state]) => pid !== '' && state?.startsWith('Z') !== true)
    .map(([pid, parent, group]) => ({ pid: Number(pid), parent: Number(parent), group: Number(group) }));
}

/**
 * @param {number} pid
 * @param {Buffer} cookie
 */
function carries(pid, cookie) {
  try {
    return readFileSync(`/proc/${pid}/environ`).includes(cookie);
  } catch {
    return false; // gone, another user's, or no /proc
  }
}
