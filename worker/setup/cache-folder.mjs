import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SetupError } from './setup-error.mjs';

/** Where the set-up keeps what it downloads and builds; shared by all projects of a user. */
export function cacheFolder() {
  const { EVERTRAIN_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  if (EVERTRAIN_CACHE_DIR) return resolve(EVERTRAIN_CACHE_DIR);
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'evertrain');
}

/**
 * Creates a folder in the cache.
 *
 * @param {string} path
 */
export function makeFolder(path) {
  try {
    mkdirSync(path, { recursive: true });
    return path;
  } catch (cause) {
    throw new SetupError('SYSTEM_STORE_UNAVAILABLE', `The cache folder ${path} cannot be created: ${String(cause)}.`, {
      value: path,
      remedies: ['Set EVERTRAIN_CACHE_DIR to a folder that you can write to.'],
      cause,
    });
  }
}
