import { accessSync, constants, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { storeUnavailable } from '../../activities/sdk/durable-files.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { tryLock } from '../setup/process-lock.mjs';

export interface DataFolderLock {
  /** Gives the folder free; calling it again does nothing. */
  release(): void;
}

/**
 * Takes the data folder for this process alone; the lock of a process that died is taken over.
 * SYSTEM_DATA_FOLDER_IN_USE names the living owner, SYSTEM_STORE_UNAVAILABLE a folder that cannot be written to.
 */
export async function lockDataFolder(dataDir: string): Promise<DataFolderLock> {
  const taken = tryLockFile(dataDir, 'lock');
  if ('release' in taken) return taken;
  throw dataFolderInUse(dataDir, taken.heldBy, 'It is used by');
}

/** Takes a lock file in the data folder, which is created when absent, or answers the pid of its living owner. */
export function tryLockFile(dataDir: string, name: string): DataFolderLock | { readonly heldBy: number } {
  const folder = resolve(dataDir);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    const taken = tryLock(join(folder, name));
    return 'lock' in taken ? taken.lock : { heldBy: taken.heldBy.pid };
  } catch (cause) {
    throw storeUnavailable(cause, 'write to the data folder', folder);
  }
}

export function dataFolderInUse(dataDir: string, pid: number, how: string): EvertrainError {
  const folder = resolve(dataDir);
  return new EvertrainError('SYSTEM_DATA_FOLDER_IN_USE', `The data folder ${folder} is taken. ${how} process ${pid}.`, {
    value: pid,
    remedy: 'Stop that process, or use another data folder.',
  });
}
