import type { Dirent } from 'node:fs';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isErrno, onDisk, removeOld, syncDirectory, unlessAbsent, writeSynced } from '../durable-files.js';
import type { Journal } from '../ports.js';
import type { Tidyable } from '../store/sweepable.js';
import {
  atKey,
  checkKey,
  pathOf,
  replaceFile,
  segmentOf,
  suffix,
  temporaryFolder,
  withTemporary,
} from './journal-paths.js';
import { perKeyOrder } from './per-key-order.js';
import { appendLines, readLines } from './stream-file.js';

/**
 * The journal in a folder. A document is a file that appears whole: `create` flushes a temporary file and hard-links it
 * to its name, which the file system grants to exactly one of many processes; `put` renames over the name. A stream is an
 * append-only file of lines. Disk errors are SYSTEM_STORE_UNAVAILABLE.
 *
 * `list` and `delete` take a prefix on segment boundaries: the key itself and all keys below it, never `run-10` for
 * `run-1`.
 */
export interface FileJournal extends Journal, Tidyable {}

export function fileJournal(root: string): FileJournal {
  const folder = resolve(root);
  const pathFor = (key: string) => pathOf(folder, checkKey(key));
  const inOrder = perKeyOrder();
  return {
    async create(key, body, durability) {
      const path = `${pathFor(key)}${suffix.document}`;
      const isDurable = durability !== 'fleeting';
      return onDisk('write', path, () => createFile(folder, checkKey(key), path, body, isDurable));
    },
    async put(key, body) {
      const path = `${pathFor(key)}${suffix.document}`;
      await onDisk('write', path, () => atKey(folder, checkKey(key), () => replaceFile(folder, path, body)));
    },
    async get(key) {
      const path = `${pathFor(key)}${suffix.document}`;
      return onDisk('read', path, () => unlessAbsent(readFile(path, 'utf8')));
    },
    async list(prefix) {
      const segments = prefix === '' ? [] : checkKey(prefix);
      return onDisk('list', folder, () => listKeys(folder, segments));
    },
    async append(key, lines) {
      if (lines.length === 0) return;
      const path = `${pathFor(key)}${suffix.stream}`;
      const work = () => atKey(folder, checkKey(key), () => appendLines(path, lines));
      await onDisk('append to', path, () => inOrder(key, work));
    },
    async read(key, cursor) {
      const path = `${pathFor(key)}${suffix.stream}`;
      return onDisk('read', path, () => readLines(path, cursor));
    },
    async delete(prefix) {
      const path = pathFor(prefix);
      await onDisk('remove', path, async () => {
        for (const end of [suffix.document, suffix.stream]) await rm(`${path}${end}`, { force: true });
        await rm(path, { recursive: true, force: true, maxRetries: 3 });
      });
    },
    removeLeftovers: (beforeMs) => onDisk('tidy', folder, () => removeOld(temporaryFolder(folder), beforeMs)),
  };
}

async function createFile(
  root: string,
  segments: readonly string[],
  path: string,
  body: string,
  isDurable: boolean,
): Promise<boolean> {
  const place = (temporary: string) =>
    atKey(root, segments, async () => {
      try {
        await link(temporary, path);
        return true;
      } catch (error) {
        if (isErrno(error, 'EEXIST')) return false;
        throw error;
      }
    });
  if (!isDurable) return withTemporary(root, (temporary) => writeFile(temporary, body, { flag: 'wx' }), place);
  const created = await withTemporary(root, (temporary) => writeSynced(temporary, body), place);
  // The loser too: what it is about to read must not be undone by a power cut.
  await syncDirectory(dirname(path));
  return created;
}

async function listKeys(root: string, prefix: readonly string[]): Promise<string[]> {
  const keys = new Set<string>();
  const path = pathOf(root, prefix);
  await Promise.all([prefix.length > 0 && addKey(path, prefix, keys), collectKeys(path, prefix, keys)]);
  return [...keys].sort();
}

async function addKey(path: string, key: readonly string[], keys: Set<string>): Promise<void> {
  const beside = (await unlessAbsent(readdir(dirname(path)))) ?? [];
  const name = path.slice(dirname(path).length + 1);
  const isThere = beside.some((one) => one === `${name}${suffix.document}` || one === `${name}${suffix.stream}`);
  if (isThere) keys.add(key.join('/'));
}

async function collectKeys(folder: string, above: readonly string[], keys: Set<string>): Promise<void> {
  const found: Dirent[] = (await unlessAbsent(readdir(folder, { withFileTypes: true }))) ?? [];
  for (const entry of found) {
    if (entry.name.startsWith('.')) continue;
    const end = entry.isDirectory() ? '' : [suffix.document, suffix.stream].find((one) => entry.name.endsWith(one));
    if (end === undefined) continue;
    const segment = await segmentOf(folder, entry.name.slice(0, entry.name.length - end.length));
    if (segment === undefined) continue;
    const key = [...above, segment];
    if (entry.isDirectory()) await collectKeys(join(folder, entry.name), key, keys);
    else keys.add(key.join('/'));
  }
}
