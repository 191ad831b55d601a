import { constants, type Dirent } from 'node:fs';
import { copyFile, link, mkdir, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrno, unlessAbsent } from '../../activities/sdk/durable-files.js';
import { cutTornLine } from '../../activities/sdk/journal/stream-file.js';

/**
 * `object`: an artifact, never changed in place. `document`: replaced by rename only. `stream`: appended to, so it is
 * copied up to its last whole line. `other`: copied.
 */
export type CopyKind = 'object' | 'document' | 'stream' | 'other';

export function howToCopy(path: string): CopyKind {
  if (path.startsWith('artifacts/sha256/')) return 'object';
  if (!path.startsWith('journal/')) return 'other';
  return path.endsWith('.lines') ? 'stream' : 'document';
}

/** Where a file belongs: an object that garbage collection moved aside, and may have been killed before it decided, back. */
export function placeOf(path: string): string {
  return path.replace(/^artifacts\/trash\/((..).*)$/, 'artifacts/sha256/$2/$1');
}

/** Made anew by whoever needs them, or true only of the processes that run now. */
const leftOut = [
  /^tmp$/,
  /^temporal\.db(-wal|-shm|-journal)?$/,
  /^engine\.json$/,
  /^[^/]+\.(lock|pid|sock)$/,
  /^cache$/,
  /^artifacts\/(tmp|dirs)$/,
  /^journal\/(\.tmp|claims)$/,
];

/** Paths of the files to copy, below the data folder: the artifacts last, see `backup`. */
export async function* filesBelow(dataDir: string, skipped: string[]): AsyncGenerator<string> {
  const rank = (name: string) => (name === 'artifacts' ? 2 : name === 'journal' ? 1 : 0);
  yield* walk(dataDir, '', skipped, (a, b) => rank(a.name) - rank(b.name));
}

async function* walk(
  dataDir: string,
  above: string,
  skipped: string[],
  order?: (a: Dirent, b: Dirent) => number,
): AsyncGenerator<string> {
  const entries: Dirent[] = (await unlessAbsent(readdir(join(dataDir, above), { withFileTypes: true }))) ?? [];
  if (order !== undefined) entries.sort(order);
  for (const entry of entries) {
    const path = above === '' ? entry.name : `${above}/${entry.name}`;
    if (leftOut.some((pattern) => pattern.test(path))) continue;
    if (entry.isFile()) yield path;
    else if (entry.isDirectory()) yield* walk(dataDir, path, skipped);
    else skipped.push(path);
  }
}

/** Links or copies one file, durably; false when it is not there. */
export async function placeFile(from: string, to: string, kind: CopyKind): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true });
  if (kind === 'object' || kind === 'document') {
    try {
      await link(from, to);
      return true;
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return false;
      if (!isErrno(error, 'EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP')) throw error;
    }
  }
  const copied = await unlessAbsent(copyFile(from, to, constants.COPYFILE_FICLONE).then(() => true));
  if (copied !== true) return false;
  if (kind === 'stream') await cutTornLine(to);
  const handle = await open(to, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  return true;
}
