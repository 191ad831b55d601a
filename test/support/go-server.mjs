/**
 * Finds or makes a server of the tests that is a Go program: the one named by its variable, else the one in the cache,
 * else a build with Go, which ends in the cache complete or not at all.
 */
import { join } from 'node:path';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';
import { isExecutable } from '../../worker/setup/find-executable.mjs';
import { goInstall } from '../../worker/setup/go-install.mjs';
import { makeOnce } from '../../worker/setup/make-once.mjs';
import { asProgress } from '../../worker/setup/progress.mjs';
import { indent, runCommand } from '../../worker/setup/run-command.mjs';
import { SetupError } from '../../worker/setup/setup-error.mjs';

/**
 * @typedef {object} GoServer
 * @property {string} name of the program
 * @property {string} version
 * @property {string} target the package that is built
 * @property {readonly number[]} oldestGo
 * @property {string} variable of the environment, which may name a program to take instead
 * @property {string} what for people, for example `the S3 server of the tests`
 * @property {string} takes how long a build is
 * @property {string} probe an argument with which it answers and ends
 */

/**
 * The path of the program; SYSTEM_SERVER_UNREACHABLE where there is none to be had.
 *
 * @param {GoServer} server
 * @param {{ log?: import('../../worker/setup/progress.mjs').Log | undefined }} [options]
 * @returns {Promise<string>}
 */
export async function ensureGoServer(server, { log } = {}) {
  const { name, version, variable } = server;
  const configured = process.env[variable];
  const binary = configured || join(cacheFolder(), `${name}-${version}`, fileNameOf(server));
  if (isExecutable(binary)) return binary;
  if (configured) throw nothingToBeHad(server, [`${variable} names ${configured}, which is no program`]);
  const progress = asProgress(log);
  await makeOnce({ path: binary, what: name, progress, make: (folder) => build(server, folder, progress) });
  return binary;
}

/**
 * @param {GoServer} server
 * @param {string} folder
 * @param {import('../../worker/setup/progress.mjs').Progress} progress
 * @returns {Promise<string>}
 */
async function build(server, folder, progress) {
  const { target, version, oldestGo, what, takes, probe } = server;
  /** @type {string[]} */
  const tried = [];
  const made = await goInstall({
    target: `${target}@v${version}`,
    folder,
    oldestGo,
    title: (go) => `Building ${what} with Go ${go} (once; ${takes} on 2 cores)`,
    progress,
    tried,
  });
  if (!made) throw nothingToBeHad(server, tried);
  const binary = join(folder, fileNameOf(server));
  await runCommand(binary, [probe], { signal: AbortSignal.timeout(20_000) }).catch((cause) => {
    throw nothingToBeHad(server, [`the binary that was made does not run: ${cause.message}`]);
  });
  return binary;
}

/** @param {GoServer} server */
function fileNameOf({ name }) {
  return process.platform === 'win32' ? `${name}.exe` : name;
}

/**
 * @param {GoServer} server
 * @param {readonly string[]} tried
 */
function nothingToBeHad({ name, version, what, oldestGo, variable }, tried) {
  const message = `There is no ${name}, ${what}:\n${tried.map((why) => indent(`- ${why}`)).join('\n')}`;
  return new SetupError('SYSTEM_SERVER_UNREACHABLE', message, {
    remedies: [
      `Install Go ${oldestGo.join('.')} or newer (https://go.dev/dl) and start again: it is then built.`,
      `Name ${name} ${version} in ${variable}.`,
    ],
  });
}
