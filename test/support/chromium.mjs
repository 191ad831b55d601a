/**
 * Finds or installs Chromium: the program that EVERTRAIN_CHROMIUM names, else one on the PATH, else Debian's package, where
 * this process may install one.
 */
import { findExecutable } from '../../worker/setup/find-executable.mjs';
import { runCommand } from '../../worker/setup/run-command.mjs';
import { SetupError } from '../../worker/setup/setup-error.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** @returns {Promise<string>} its path */
export async function ensureChromium() {
  const found = find();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || findExecutable('apt-get') === undefined) throw missing('It cannot be installed here');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await runCommand('apt-get', ['update', '-q'], { env });
    await runCommand('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { env });
  } catch (cause) {
    throw missing(`apt-get could not install it: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const installed = find();
  if (installed === undefined) throw missing('Its package has no program');
  return installed;
}

/** @returns {string | undefined} */
function find() {
  return process.env.EVERTRAIN_CHROMIUM || names.map(findExecutable).find((path) => path !== undefined);
}

/** @param {string} why */
function missing(why) {
  return new SetupError('SYSTEM_PEER_MISSING', `The tests of the dashboard need Chromium. ${why}.`, {
    remedies: ['Install the package `chromium`.', 'Name the program in EVERTRAIN_CHROMIUM.'],
  });
}
