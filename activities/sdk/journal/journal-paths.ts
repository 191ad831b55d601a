import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { ensureDirectory, inDirectory, isErrno, syncDirectory, unlessAbsent, writeSynced } from '../durable-files.js';

/**
 * How journal keys become file names. A segment is a folder of its own name, a document `<name>.doc` and a stream
 * `<name>.lines` beside it; `.` is in no segment, so none of the three collides with another key. Capitals are written
 * `+a`, so `Iris` and `iris` are two keys on file systems that do not tell them apart. A name beyond 200 bytes is cut and
 * closed by `.` and a digest; `<cut name>.name` beside it then holds the whole segment, for listings.
 */
export const suffix = { document: '.doc', stream: '.lines', name: '.name' } as const;

const longest = 200;
const kept = 150;

/** The segments of a key; USER_OPTION_INVALID when one is not what `journalKey` makes. */
export function checkKey(key: string): string[] {
  const segments = typeof key === 'string' ? key.split('/') : [''];
  if (segments.every((segment) => /^[A-Za-z0-9_#=%-]+$/.test(segment))) return segments;
  throw new EvertrainError('USER_OPTION_INVALID', `${show(key)} is not a journal key.`, {
    value: key,
    remedy: 'Build it with journalKey(...).',
  });
}

/** The path of a key's folder; its document and stream are this plus a suffix. */
export function pathOf(root: string, segments: readonly string[]): string {
  return join(root, ...segments.map(fileName));
}

/** The name of a segment's files, without suffix: `.` in it says that it was cut. */
export function fileName(segment: string): string {
  const name = segment.replace(/[A-Z]/g, (capital) => `+${capital.toLowerCase()}`);
  if (name.length <= longest) return name;
  return `${name.slice(0, kept)}.${createHash('sha256').update(segment).digest('hex').slice(0, 40)}`;
}

/**
 * Works on a key's files. Its folder is made when it turns out to be missing, which it may be more than once while a
 * `delete` runs beside us. The `.name` files of long segments are there before anything that needs them.
 */
export async function atKey<T>(root: string, segments: readonly string[], work: () => Promise<T>): Promise<T> {
  const isLong = segments.some((segment) => fileName(segment).includes('.'));
  for (let tries = 0; ; tries++) {
    try {
      if (tries > 0) await ensureDirectory(pathOf(root, segments.slice(0, -1)));
      if (isLong) await nameLongSegments(root, segments);
      return await work();
    } catch (error) {
      if (tries === 5 || !isErrno(error, 'ENOENT')) throw error;
    }
  }
}

async function nameLongSegments(root: string, segments: readonly string[]): Promise<void> {
  for (const [index, segment] of segments.entries()) {
    if (!fileName(segment).includes('.')) continue;
    const path = `${pathOf(root, segments.slice(0, index + 1))}${suffix.name}`;
    if ((await unlessAbsent(readFile(path, 'utf8'))) !== segment) await replaceFile(root, path, segment);
  }
}

/** The segment behind a file or folder name (without suffix); undefined when its `.name` file is gone. */
export async function segmentOf(folder: string, name: string): Promise<string | undefined> {
  if (name.includes('.')) return unlessAbsent(readFile(join(folder, `${name}${suffix.name}`), 'utf8'));
  return plainSegment(name);
}

/** The segment of a name that was not cut. */
export function plainSegment(name: string): string {
  return name.replace(/\+([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Where unfinished files lie; `.` keeps it apart from every key. */
export function temporaryFolder(root: string): string {
  return join(root, '.tmp');
}

/** Has a temporary file written; what `place` then does with it makes it count. The file is gone afterwards. */
export async function withTemporary<T>(
  root: string,
  write: (path: string) => Promise<void>,
  place: (path: string) => Promise<T>,
): Promise<T> {
  const temporary = join(temporaryFolder(root), `${process.pid}-${randomUUID()}`);
  try {
    await inDirectory(temporaryFolder(root), () => write(temporary));
    return await place(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Creates or replaces a file, atomically and durably. */
export async function replaceFile(root: string, path: string, body: string): Promise<void> {
  const write = (temporary: string) => writeSynced(temporary, body);
  await withTemporary(root, write, (temporary) => rename(temporary, path));
  await syncDirectory(dirname(path));
}
