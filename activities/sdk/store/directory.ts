import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { type Artifact, directoryMediaType } from '../../../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { canonicalJson } from '../canonical-json.js';
import { errnoOf } from '../durable-files.js';
import type { ArtifactStore } from '../ports.js';
import { mediaTypeOf } from './media-type.js';

/**
 * A directory is stored as its files, each an object of its own, and a manifest: canonical JSON
 * `{ files: [{ path, sha256, sizeBytes, executable? }], version: 1 }`, sorted by path, so equal content has an equal
 * digest. Times, owners, empty directories and modes other than "executable" are not kept; a link to a file or directory
 * inside is stored as what it points to.
 */
export interface ManifestEntry {
  /** `/`-separated, relative, without `.` and `..`. */
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly executable?: true;
}

/**
 * Stores every file below a directory and the manifest of them. USER_FILE_NOT_FOUND where it cannot be read,
 * USER_OPTION_INVALID for links that leave it or go in circles, sockets, and names that other systems could not keep.
 */
export async function putDirectory(store: ArtifactStore, path: string): Promise<Artifact> {
  const root = await readable(path, realpath(path));
  if (!(await stat(root)).isDirectory()) throw refused(path, 'is not a directory', 'Store a single file with putFile.');
  const found: Found[] = [];
  await walk(root, root, [root], found);
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  const files = await mapBounded(found, 8, async ({ path: name, file, executable }): Promise<ManifestEntry> => {
    const { sha256, sizeBytes } = await store.put({ path: file }, mediaTypeOf(file));
    return { path: name, sha256, sizeBytes, ...(executable ? { executable } : {}) };
  });
  return store.put(Buffer.from(canonicalJson({ version: 1, files })), directoryMediaType);
}

/** The files of a manifest, checked; USER_DATA_MALFORMED for anything that is not one or would leave its directory. */
export function manifestEntries(bytes: Uint8Array): ManifestEntry[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw malformed('it is not JSON', Buffer.from(bytes.subarray(0, 80)).toString('latin1'));
  }
  const { version, files } = (parsed ?? {}) as { version?: unknown; files?: unknown };
  if (version !== 1 || !Array.isArray(files)) throw malformed('it is not of version 1', version);
  const entries = files.map(checkEntry);
  const names = new Set(entries.map((entry) => entry.path));
  if (names.size !== entries.length) throw malformed('it names a path twice', undefined);
  for (const { path } of entries) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      if (names.has(path.slice(0, cut))) throw malformed('it names a file below a file', path);
    }
  }
  return entries;
}

function checkEntry(value: unknown): ManifestEntry {
  const { path, sha256, sizeBytes, executable } = (value ?? {}) as Record<keyof ManifestEntry, unknown>;
  const sound =
    typeof path === 'string' &&
    isPortablePath(path) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Number.isSafeInteger(sizeBytes) &&
    (executable === undefined || executable === true);
  if (!sound) throw malformed('an entry is not a file below the directory', value);
  return { path, sha256, sizeBytes: sizeBytes as number, ...(executable === true ? { executable } : {}) };
}

/** Relative, and the same file on every system: no `..`, no absolute path, no backslash, no NUL. */
function isPortablePath(path: string): boolean {
  const parts = path.split('/');
  return !/[\\\0]/.test(path) && !/^[A-Za-z]:/.test(path) && parts.every((part) => !['', '.', '..'].includes(part));
}

interface Found {
  readonly path: string;
  readonly file: string;
  readonly executable: boolean;
}

/** `above` holds the real directories around this one, to find links that go in circles. */
async function walk(root: string, directory: string, above: readonly string[], found: Found[], at = ''): Promise<void> {
  for (const name of await readable(directory, readdir(directory))) {
    const shown = join(directory, name);
    const path = at === '' ? name : `${at}/${name}`;
    if (!isPortablePath(path)) throw refused(shown, 'has a name that is not portable', 'Rename it.');
    const file = (await lstat(shown)).isSymbolicLink() ? await followLink(root, shown) : shown;
    const stats = await readable(shown, stat(file));
    if (stats.isFile()) found.push({ path, file, executable: (stats.mode & 0o111) !== 0 });
    else if (!stats.isDirectory()) throw refused(shown, 'is neither a file nor a directory', 'Remove it.');
    else if (above.includes(file)) throw refused(shown, 'is a link to a directory around it', 'Remove the link.');
    else await walk(root, file, [...above, file], found, path);
  }
}

async function followLink(root: string, link: string): Promise<string> {
  const target = await readable(link, realpath(link));
  const inside = relative(root, resolve(target));
  if (inside === '..' || inside.startsWith(`..${sep}`) || resolve(inside) === inside) {
    throw refused(link, `is a link that leaves the directory, to ${target}`, 'Copy the file in, or remove the link.');
  }
  return target;
}

async function readable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `Cannot read ${path}: ${errnoOf(error) ?? String(error)}.`, {
      value: path,
      remedy: 'Check that it exists, that no link is broken, and that the worker may read it.',
      cause: error,
    });
  }
}

function refused(path: string, why: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${path} ${why}.`, { value: path, remedy });
}

function malformed(why: string, value: unknown): EvertrainError {
  const shown = value === undefined ? '' : ` (${show(value)})`;
  return new EvertrainError('USER_DATA_MALFORMED', `The artifact is no directory manifest: ${why}${shown}.`, {
    value,
    remedy: 'Store the directory again with putDirectory.',
  });
}

/** Maps in order, with at most so many at once; the first failure is thrown after the running ones settled. */
export async function mapBounded<T, R>(
  items: readonly T[],
  atMost: number,
  map: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next++;
      try {
        results[index] = await map(items[index] as T);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const settled = await Promise.allSettled(Array.from({ length: Math.min(atMost, items.length) }, worker));
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return results;
}
