import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import {
  ensureDirectory,
  onDisk,
  syncDirectory,
  unlessAbsent,
  writeSynced,
} from '../../activities/sdk/durable-files.js';
import { mapBounded } from '../../activities/sdk/store/directory.js';
import { hashFile } from '../../activities/sdk/store/verified-files.js';
import { type BackupFile, type BackupManifest, manifestName, parseManifest } from './backup-manifest.js';
import { filesBelow, howToCopy, placeFile, placeOf } from './backup-files.js';
import { databaseName } from '../engine/engine-arguments.js';
import { copyDatabase } from './sqlite-database.js';

/**
 * A backup of a data folder, consistent while engine, workers and model server run. The order makes it so: first the
 * database by SQLite's online backup, then the journal and the rest, the artifacts last; an artifact is stored before
 * anything refers to it, so whatever the copied database refers to is there when its turn comes. Files that never change
 * in place (artifacts, journal documents) are hard links where source and target share a file system: cheap, and safe
 * against deletion, but not against the loss of that disk.
 *
 * Left out, because each is made anew: temporary files, the directory cache, and what describes the running processes.
 */
export interface BackupReport {
  readonly files: number;
  readonly bytes: number;
  /** Artifacts that no longer have their digest: left out, so that the restored store says "missing", not "damaged". */
  readonly damaged: readonly string[];
  /** Links, sockets and the like, which no part of Evertrain needs. */
  readonly skipped: readonly string[];
  /** False where the data folder has none: the engine is elsewhere. */
  readonly database: boolean;
}

const atOnce = 4;

/**
 * Copies a data folder to a folder that does not exist or is empty. Complete or not there at all: it is built beside and
 * renamed.
 *
 * @param options.python the interpreter for the online copy of the database; default `python3`
 */
export async function backup(options: {
  readonly dataDir: string;
  readonly to: string;
  readonly python?: string;
}): Promise<BackupReport> {
  const dataDir = resolve(options.dataDir);
  const to = resolve(options.to);
  if ((await unlessAbsent(stat(dataDir)))?.isDirectory() !== true) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no data folder at ${dataDir}.`, {
      value: dataDir,
      remedy: 'Pass the folder that Evertrain was started with.',
    });
  }
  if (isInside(to, dataDir)) throw refused(to, 'is inside the data folder', 'Choose a folder outside of it.');
  return builtBeside(to, async (target) => {
    const source = join(dataDir, databaseName);
    const database = (await unlessAbsent(stat(source))) !== undefined;
    if (database) await copyDatabase(source, join(target, databaseName), options.python ?? 'python3');
    const skipped: string[] = [];
    const damaged: string[] = [];
    const copied: BackupFile[] = await databaseFiles(target);
    const placed = new Set<string>();
    for await (const path of filesBelow(dataDir, skipped)) {
      const place = placeOf(path);
      if (placed.has(place)) continue;
      const file = await copyOne(join(dataDir, path), target, place);
      if (file === undefined) continue;
      placed.add(place);
      if (file === 'damaged') damaged.push(path);
      else copied.push(file);
    }
    copied.sort((a, b) => (a.path < b.path ? -1 : 1));
    const manifest: BackupManifest = { version: 1, createdAt: new Date().toISOString(), files: copied, damaged };
    await writeSynced(join(target, manifestName), `${JSON.stringify(manifest, null, 1)}\n`);
    const bytes = copied.reduce((sum, file) => sum + file.sizeBytes, 0);
    return { files: copied.length, bytes, damaged, skipped, database };
  });
}

/**
 * Makes a data folder of a backup. The folder must not exist or be empty; each file is verified by its digest, and
 * nothing is left when one is missing or damaged (SYSTEM_ARTIFACT_DAMAGED).
 */
export async function restore(options: { readonly from: string; readonly dataDir: string }): Promise<BackupReport> {
  const from = resolve(options.from);
  const { files, damaged } = parseManifest(from, await unlessAbsent(readFile(join(from, manifestName), 'utf8')));
  return builtBeside(resolve(options.dataDir), async (target) => {
    await mapBounded(files, atOnce, async (file) => {
      const there = await placeFile(join(from, file.path), join(target, file.path), howToCopy(file.path));
      if (!there || (await hashFile(join(target, file.path))) !== file.sha256)
        throw damagedFile(from, file.path, there);
    });
    const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    const database = files.some((file) => file.path === databaseName);
    return { files: files.length, bytes, damaged, skipped: [], database };
  });
}

async function databaseFiles(target: string): Promise<BackupFile[]> {
  const names = (await readdir(target)).filter((name) => name.startsWith(databaseName));
  return Promise.all(names.map((name) => described(target, name)));
}

async function described(folder: string, path: string): Promise<BackupFile> {
  const file = join(folder, path);
  return { path, sha256: await hashFile(file), sizeBytes: (await stat(file)).size };
}

/** Undefined when the file has gone since the listing. */
async function copyOne(from: string, target: string, path: string): Promise<BackupFile | 'damaged' | undefined> {
  const how = howToCopy(path);
  if (!(await placeFile(from, join(target, path), how))) return undefined;
  const file = await described(target, path);
  if (how !== 'object' || path.endsWith(`/${file.sha256}`)) return file;
  await rm(join(target, path), { force: true });
  return 'damaged';
}

/** Builds a folder beside its place and renames it there; nothing is left of a failed one. */
async function builtBeside<T>(place: string, build: (target: string) => Promise<T>): Promise<T> {
  return onDisk('write', place, async () => {
    const there = await unlessAbsent(readdir(place));
    if (there !== undefined && there.length > 0) {
      throw refused(place, 'is not empty', 'Choose a folder that does not exist yet.');
    }
    await ensureDirectory(dirname(place));
    const target = `${place}.partial-${randomUUID().slice(0, 8)}`;
    try {
      await mkdir(target);
      const result = await build(target);
      await rename(target, place);
      await syncDirectory(dirname(place));
      return result;
    } catch (error) {
      await rm(target, { recursive: true, force: true });
      throw error;
    }
  });
}

function isInside(path: string, folder: string): boolean {
  const inside = relative(folder, path);
  return inside === '' || !(inside === '..' || inside.startsWith(`..${sep}`) || resolve(inside) === inside);
}

function refused(path: string, why: string, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${path} ${why}.`, { value: path, remedy });
}

function damagedFile(from: string, path: string, there: boolean): EvertrainError {
  const what = there ? 'does not have the digest that it was backed up with' : 'is missing';
  return new EvertrainError('SYSTEM_ARTIFACT_DAMAGED', `${join(from, path)} ${what}; nothing was restored.`, {
    value: path,
    remedy: 'Restore from another backup.',
  });
}
