import { findExecutable } from './find-executable.mjs';
import { runCommand } from './run-command.mjs';

/**
 * Builds a program with Go into a folder; false, and the reason in `tried`, where that cannot be done.
 *
 * @param {object} request
 * @param {string} request.target package and version, for example `example.org/cmd/tool@v1.2.3`
 * @param {string} request.folder
 * @param {readonly number[]} request.oldestGo
 * @param {(go: string) => string} request.title of the progress line, given Go's version
 * @param {import('./progress.mjs').Progress} request.progress
 * @param {string[]} request.tried
 * @returns {Promise<boolean>}
 */
export async function goInstall({ target, folder, oldestGo, title, progress, tried }) {
  const go = findExecutable('go');
  if (go === undefined) {
    tried.push('`go` is not on the PATH');
    return false;
  }
  const version = /go(\d+\.\d+(?:\.\d+)?)/.exec(await runCommand(go, ['version']).catch(() => ''))?.[1];
  if (version === undefined || !isAtLeast(version, oldestGo)) {
    tried.push(`${go} is Go ${version ?? 'of unknown version'}; a build needs ${oldestGo.join('.')}`);
    return false;
  }
  try {
    // -v names each package as it is compiled: without it Go is silent to the end.
    await progress.during(title(version), (tell) =>
      runCommand(go, ['install', '-v', target], { env: { GOBIN: folder }, onLine: tell }),
    );
  } catch (error) {
    tried.push(`the build with Go failed: ${/** @type {Error} */ (error).message}`);
    return false;
  }
  return true;
}

/**
 * @param {string} version
 * @param {readonly number[]} oldest
 */
export function isAtLeast(version, oldest) {
  const parts = version.split('.').map(Number);
  for (const [index, least] of oldest.entries()) {
    const part = parts[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}
