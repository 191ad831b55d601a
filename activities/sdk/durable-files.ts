import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';

/**
 * What the file-backed stores share: files that survive a power cut, and disk errors told as SYSTEM_STORE_UNAVAILABLE.
 * A rename is durable only after its directory is flushed, so every writer here flushes the file, then the directory.
 */

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'Free disk space, or move the data folder to a larger disk.',
  EDQUOT: "Raise the user's disk quota, or free disk space.",
  EACCES: 'Let the user that runs Evertrain read and write this path.',
  EPERM: 'Let the user that runs Evertrain read and write this path, on a file system that has hard links.',
  EROFS: 'Mount the file system writable, or choose another data folder.',
  EMFILE: 'Raise the limit of open files (ulimit -n).',
  ENFILE: 'Raise the limit of open files of the machine.',
  ENOTDIR: 'A file lies where a folder is expected: move it away, or choose another data folder.',
  ENOTSUP: 'Use a file system that has hard links.',
  EIO: 'Check the disk; restore from a backup where it is damaged.',
};

/** What to do about a disk error of Node's. */
export function remedyOf(error: unknown): string {
  return remedies[errnoOf(error) ?? ''] ?? 'Check the path and its disk; the step is tried again.';
}

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || isEvertrainError(error)) return undefined;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && syscall !== undefined ? code : undefined;
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  const code = errnoOf(error);
  return code !== undefined && codes.includes(code);
}

/** The error of a disk that does not serve: SYSTEM_STORE_UNAVAILABLE with path, cause and remedy. */
export function storeUnavailable(error: unknown, doing: string, path: string): EvertrainError {
  const code = errnoOf(error) ?? 'unknown error';
  return new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `Cannot ${doing} ${path}: ${code}.`, {
    value: path,
    remedy: remedyOf(error),
    cause: error,
  });
}

/** Runs work on a path, telling a disk error as SYSTEM_STORE_UNAVAILABLE; other errors pass as they are. */
export async function onDisk<T>(doing: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errnoOf(error) === undefined ? error : storeUnavailable(error, doing, path);
  }
}

/** Gives `undefined` where the path does not exist. */
export async function unlessAbsent<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

interface Flush {
  readonly settled: Promise<unknown>;
  next?: Promise<void>;
}

const flushes = new Map<string, Flush>();

/**
 * Makes the names in a directory durable. Calls that come while one is being done share the next one: that cannot have
 * begun before their names were there, and a fan-out of hundreds of steps waits for a few flushes instead of hundreds.
 */
export function syncDirectory(path: string): Promise<void> {
  const running = flushes.get(path);
  if (running === undefined) return startFlush(path);
  running.next ??= running.settled.then(() => startFlush(path));
  return running.next;
}

function startFlush(path: string): Promise<void> {
  const done = flushDirectory(path);
  const flush: Flush = { settled: done.catch(() => undefined) };
  flushes.set(path, flush);
  void flush.settled.then(() => {
    if (flush.next === undefined) flushes.delete(path);
  });
  return done;
}

async function flushDirectory(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    await handle.sync();
  } catch (error) {
    // Some systems refuse to open or flush a directory; their renames are as durable as they get. One that somebody has
    // deleted meanwhile has no names to keep.
    if (!isErrno(error, 'ENOENT', 'EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP')) throw error;
  } finally {
    await handle?.close();
  }
}

/** Creates a directory and its parents, durably. */
export async function ensureDirectory(path: string): Promise<void> {
  const firstCreated = await mkdir(path, { recursive: true });
  if (firstCreated === undefined) return;
  const top = dirname(resolve(firstCreated));
  for (let parent = dirname(resolve(path)); parent.length >= top.length; parent = dirname(parent)) {
    await syncDirectory(parent);
    if (parent === dirname(parent)) break;
  }
}

/** Works in a directory that is nearly always there, and creates it when it turns out that it is not. */
export async function inDirectory<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
  await ensureDirectory(path);
  return work();
}

/** Writes all of a buffer and flushes it to the disk. */
export async function writeSynced(path: string, body: string | Uint8Array, mode = 0o644): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(body);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes entries of a folder that were last written before the time; how many. */
export async function removeOld(folder: string, beforeMs: number): Promise<number> {
  let removed = 0;
  for (const name of (await unlessAbsent(readdir(folder))) ?? []) {
    const path = join(folder, name);
    const stats = await unlessAbsent(stat(path));
    if (stats === undefined || stats.mtimeMs >= beforeMs) continue;
    await rm(path, { recursive: true, force: true });
    removed++;
  }
  return removed;
}
