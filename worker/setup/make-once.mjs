import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from './cache-folder.mjs';
import { waitForLock } from './process-lock.mjs';

/**
 * Makes what many processes need, once: the others wait. It is there complete or not at all.
 *
 * @param {object} request
 * @param {string} request.path of a file or folder; what is there is left as it is
 * @param {string} request.what for people who wait, for example `the Temporal server`
 * @param {import('./progress.mjs').Progress} request.progress
 * @param {(folder: string) => Promise<string>} request.make works in an empty folder; the path in it of what was made
 */
export async function makeOnce({ path, what, progress, make }) {
  const folder = makeFolder(dirname(path));
  const lock = await waitForLock(`${folder}.lock`, ({ pid }) => {
    progress.line(`Another set-up (process ${pid}) is getting ${what}; waiting for it.`);
  });
  try {
    if (existsSync(path)) return;
    removeLeftovers(folder);
    const work = mkdtempSync(join(folder, 'tmp-'));
    try {
      renameSync(await make(work), path);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

/**
 * What a killed set-up left. The lock is held, so nobody works in these folders.
 *
 * @param {string} folder
 */
function removeLeftovers(folder) {
  for (const name of readdirSync(folder)) {
    if (name.startsWith('tmp-')) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
