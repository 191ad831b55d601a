/**
 * Finds or makes the S3 server of the tests, versitygw: the one named by EVERTRAIN_VERSITYGW_BIN, else the one in the
 * cache, else a build with Go, which ends in the cache complete or not at all. `node test/support/versitygw.mjs` does it
 * ahead of the tests, with progress.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';
import { isExecutable } from '../../worker/setup/find-executable.mjs';
import { goInstall } from '../../worker/setup/go-install.mjs';
import { makeOnce } from '../../worker/setup/make-once.mjs';
import { asProgress, createProgress } from '../../worker/setup/progress.mjs';
import { indent, runCommand } from '../../worker/setup/run-command.mjs';
import { SetupError } from '../../worker/setup/setup-error.mjs';

const version = '1.8.0';
const oldestGo = [1, 25];
const fileName = process.platform === 'win32' ? 'versitygw.exe' : 'versitygw';

/**
 * The path of the binary; SYSTEM_SERVER_UNREACHABLE where there is none to be had.
 *
 * @param {{ log?: import('../../worker/setup/progress.mjs').Log }} [options]
 * @returns {Promise<string>}
 */
export async function ensureVersitygw({ log } = {}) {
  const configured = process.env.EVERTRAIN_VERSITYGW_BIN;
  const binary = configured || join(cacheFolder(), `versitygw-${version}`, fileName);
  if (isExecutable(binary)) return binary;
  if (configured) throw nothingToBeHad([`EVERTRAIN_VERSITYGW_BIN names ${configured}, which is no program`]);
  const progress = asProgress(log);
  await makeOnce({ path: binary, what: 'versitygw', progress, make: (folder) => build(folder, progress) });
  return binary;
}

/**
 * @param {string} folder
 * @param {import('../../worker/setup/progress.mjs').Progress} progress
 * @returns {Promise<string>}
 */
async function build(folder, progress) {
  /** @type {string[]} */
  const tried = [];
  const made = await goInstall({
    target: `github.com/versity/versitygw/cmd/versitygw@v${version}`,
    folder,
    oldestGo,
    title: (go) => `Building the S3 server of the tests with Go ${go} (once; about 2 minutes on 2 cores)`,
    progress,
    tried,
  });
  if (!made) throw nothingToBeHad(tried);
  const binary = join(folder, fileName);
  await runCommand(binary, ['--version'], { signal: AbortSignal.timeout(20_000) }).catch((cause) => {
    throw nothingToBeHad([`the binary that was made does not run: ${cause.message}`]);
  });
  return binary;
}

/** @param {readonly string[]} tried */
function nothingToBeHad(tried) {
  const what = `There is no versitygw for the tests of the S3 store:\n${tried.map((why) => indent(`- ${why}`)).join('\n')}`;
  return new SetupError('SYSTEM_SERVER_UNREACHABLE', what, {
    remedies: [
      `Install Go ${oldestGo.join('.')} or newer (https://go.dev/dl) and start again: it is then built.`,
      `Name versitygw ${version} in EVERTRAIN_VERSITYGW_BIN.`,
    ],
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { stderr } = process;
  const write = (/** @type {string} */ text) => stderr.write(text);
  try {
    await ensureVersitygw({ log: createProgress({ write, inPlace: stderr.isTTY === true }) });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
