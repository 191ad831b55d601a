import { randomUUID } from 'node:crypto';
import { chmod, constants, copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import { ensureDirectory, isErrno, unlessAbsent } from '../durable-files.js';
import { type ManifestEntry, manifestEntries, mapBounded } from './directory.js';
import type { VerifiedFiles } from './verified-files.js';

const mostManifestBytes = 256 << 20;
const atOnce = 16;

export interface DirectoryRequest {
  /** The store's folder. */
  readonly root: string;
  readonly sha256: string;
  /** The verified manifest. */
  readonly manifestPath: string;
  readonly verified: VerifiedFiles;
  readonly verifiedObject: (sha256: string) => Promise<string>;
}

/**
 * The path of a directory with the manifest's verified, read-only files, under `dirs/<digest>`. It is built beside and
 * renamed into place, so nobody sees half of one. Files are hard links to the objects; an executable one is a copy,
 * since links share one mode. A directory that a job changed (files damaged, removed or added) is set aside and built
 * anew: the next attempt must see exactly what the manifest says. Its folders stay writable, so that plain `rm -r`
 * removes a data folder.
 */
export async function materializeDirectory(request: DirectoryRequest): Promise<string> {
  const { root, sha256, manifestPath } = request;
  const { size } = await stat(manifestPath);
  if (size > mostManifestBytes) {
    throw new EvertrainError('USER_DATA_MALFORMED', `The directory manifest ${sha256} has ${size} bytes.`, {
      value: sha256,
      remedy: `At most ${mostManifestBytes} are read: pack the files into fewer, larger ones.`,
    });
  }
  const entries = manifestEntries(await readFile(manifestPath));
  const target = join(root, 'dirs', sha256);
  if (await isIntact(request, target, entries)) return target;
  const built = join(root, 'tmp', `dir-${randomUUID()}`);
  try {
    await build(request, built, entries);
    await ensureDirectory(dirname(target));
    await swapIn(request, built, target, entries);
  } catch (error) {
    await rm(built, { recursive: true, force: true });
    throw error;
  }
  return target;
}

async function build(request: DirectoryRequest, built: string, entries: readonly ManifestEntry[]): Promise<void> {
  await mkdir(built, { recursive: true });
  await mapBounded(entries, atOnce, async ({ path, sha256, executable }) => {
    const object = await request.verifiedObject(sha256);
    const file = join(built, ...path.split('/'));
    await mkdir(dirname(file), { recursive: true });
    if (executable !== true) {
      try {
        return await link(object, file);
      } catch (error) {
        if (!isErrno(error, 'EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP')) throw error;
      }
    }
    await copyFile(object, file, constants.COPYFILE_FICLONE);
    await chmod(file, executable === true ? 0o555 : 0o444);
  });
}

/** Renames into place; where another process was faster, its directory is as good when intact. */
async function swapIn(request: DirectoryRequest, built: string, target: string, entries: readonly ManifestEntry[]) {
  for (let tries = 0; ; tries++) {
    try {
      return await rename(built, target);
    } catch (error) {
      if (tries === 5 || !isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
    if (await isIntact(request, target, entries)) return rm(built, { recursive: true, force: true });
    // A running job may still read the old one, so it is moved aside and left to garbage collection.
    await unlessAbsent(rename(target, join(request.root, 'tmp', `dir-${randomUUID()}`)));
  }
}

async function isIntact(
  request: DirectoryRequest,
  target: string,
  entries: readonly ManifestEntry[],
): Promise<boolean> {
  const listed = await unlessAbsent(readdir(target, { recursive: true, withFileTypes: true }));
  if (listed === undefined) return false;
  const names = new Set(entries.map((entry) => entry.path));
  const isExtra = listed.some(
    (one) =>
      !one.isDirectory() &&
      !(one.isFile() && names.has(relative(target, join(one.parentPath, one.name)).split(sep).join('/'))),
  );
  if (isExtra) return false;
  const found = await mapBounded(entries, atOnce, async (entry) => {
    const object = await request.verifiedObject(entry.sha256);
    const file = join(target, ...entry.path.split('/'));
    const there = await unlessAbsent(stat(file));
    if (there === undefined) return false;
    if (there.ino === (await stat(object)).ino) return true;
    return isVerified(request.verified, file, entry.sha256);
  });
  return found.every(Boolean);
}

async function isVerified(verified: VerifiedFiles, file: string, sha256: string): Promise<boolean> {
  try {
    await verified.check(file, sha256);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT') || (isEvertrainError(error) && error.code === 'SYSTEM_ARTIFACT_DAMAGED')) return false;
    throw error;
  }
}
