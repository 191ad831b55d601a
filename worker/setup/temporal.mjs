/**
 * Finds or makes the Temporal binary that the embedded engine runs. In this order: the one named by
 * EVERTRAIN_TEMPORAL_BIN, the one in the cache, `temporal` on the PATH when its server is new enough, the download that
 * the Temporal SDK offers, a build with Go. The last two end in the cache, complete or not at all.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from './cache-folder.mjs';
import { findExecutable, isExecutable } from './find-executable.mjs';
import { goInstall, isAtLeast } from './go-install.mjs';
import { makeOnce } from './make-once.mjs';
import { asProgress } from './progress.mjs';
import { indent, runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** The last release of Temporal's CLI that `go install` accepts: newer ones carry a `replace` line. */
const cliVersion = '1.5.1';
const serverVersionOfCli = '1.29.1';
const oldestServer = [1, 29];
/** Of the downloader: the version that package.json names for all of the SDK. */
const sdkVersion = '1.24.0';
const oldestGo = [1, 25];
/** A download that brings no byte for so long is given up. */
const stallMs = 30_000;

/**
 * `version` is the version of the server inside.
 *
 * @typedef {{ path: string, version: string }} TemporalBinary
 */

/**
 * Fails with SYSTEM_ENGINE_MISSING when there is none to be had, SYSTEM_ENGINE_INCOMPATIBLE when the configured one is
 * too old.
 *
 * @param {{ log?: import('./progress.mjs').Log }} [options]
 * @returns {Promise<TemporalBinary>}
 */
export async function ensureTemporal({ log } = {}) {
  const { binary, tried } = await findTemporal();
  if (binary !== undefined) return binary;
  await obtain(cachedBinary(), asProgress(log), tried);
  return { path: cachedBinary(), version: serverVersionOfCli };
}

/**
 * The binary that is there, and otherwise why none is; changes nothing. Fails when a configured one will not do.
 *
 * @returns {Promise<{ binary?: TemporalBinary, tried: string[] }>}
 */
export async function findTemporal() {
  const configured = process.env.EVERTRAIN_TEMPORAL_BIN;
  if (configured) return { binary: await configuredBinary(configured), tried: [] };
  if (isExecutable(cachedBinary())) return { binary: { path: cachedBinary(), version: serverVersionOfCli }, tried: [] };
  const path = findExecutable('temporal');
  if (path === undefined) return { tried: ['`temporal` is not on the PATH'] };
  const version = await serverVersion(path).catch(() => undefined);
  if (version !== undefined && isAtLeast(version, oldestServer)) return { binary: { path, version }, tried: [] };
  return { tried: [`\`temporal\` at ${path} has ${version ? `server ${version}` : 'no server'}`] };
}

function cachedBinary() {
  return join(cacheFolder(), `temporal-${cliVersion}`, process.platform === 'win32' ? 'temporal.exe' : 'temporal');
}

/**
 * @param {string} path
 * @returns {Promise<TemporalBinary>}
 */
async function configuredBinary(path) {
  const remedies = [
    `Point EVERTRAIN_TEMPORAL_BIN at Temporal's CLI, server ${oldestServer.join('.')} or newer, or unset it.`,
  ];
  const version = await serverVersion(path).catch((cause) => {
    const what = `EVERTRAIN_TEMPORAL_BIN names ${path}, which is not a Temporal binary: ${cause.message}`;
    throw new SetupError('SYSTEM_ENGINE_MISSING', what, { value: path, remedies, cause });
  });
  if (isAtLeast(version, oldestServer)) return { path, version };
  const what = `EVERTRAIN_TEMPORAL_BIN names ${path}, whose server is ${version}.`;
  throw new SetupError('SYSTEM_ENGINE_INCOMPATIBLE', what, { value: version, remedies });
}

/**
 * @param {string} binary
 * @param {import('./progress.mjs').Progress} progress
 * @param {string[]} tried why each way before did not work
 */
async function obtain(binary, progress, tried) {
  const make = async (/** @type {string} */ folder) => {
    const made = (await download(folder, progress, tried)) ?? (await build(folder, progress, tried));
    if (made === undefined) throw nothingToBeHad(tried);
    await serverVersion(made).catch((cause) => {
      throw nothingToBeHad([...tried, `the binary that was made does not run: ${cause.message}`]);
    });
    return made;
  };
  await makeOnce({ path: binary, what: 'the Temporal server', progress, make });
}

/**
 * The SDK downloads only inside `createLocal`, in this process's memory and without a limit, so it runs in a child.
 *
 * @param {string} folder
 * @param {import('./progress.mjs').Progress} progress
 * @param {string[]} tried
 * @returns {Promise<string | undefined>}
 */
async function download(folder, progress, tried) {
  try {
    import.meta.resolve('@temporalio/testing');
  } catch {
    tried.push(
      `the Temporal SDK's downloader is not installed: \`npm install --save-dev @temporalio/testing@${sdkVersion}\``,
    );
    return undefined;
  }
  const script = fileURLToPath(new URL('download-temporal.mjs', import.meta.url));
  const stalled = new AbortController();
  try {
    await progress.during('Downloading the Temporal server', async (tell) => {
      const timer = watchGrowth(folder, tell, () => stalled.abort());
      try {
        await runCommand(process.execPath, [script, folder, `v${cliVersion}`], { signal: stalled.signal });
      } finally {
        clearInterval(timer);
      }
    });
  } catch (error) {
    tried.push(`the download failed: ${/** @type {Error} */ (error).message}`);
    return undefined;
  }
  const made = readdirSync(folder).find((name) => name.startsWith('temporal'));
  return made === undefined ? undefined : join(folder, made);
}

/**
 * @param {string} folder
 * @param {(detail: string) => void} tell
 * @param {() => void} onStall
 */
function watchGrowth(folder, tell, onStall) {
  let size = 0;
  let grewAt = Date.now();
  return setInterval(() => {
    const now = sizeBytes(folder);
    if (now > size) {
      size = now;
      grewAt = Date.now();
      tell(`${Math.round(size / 1e6)} MB`);
    } else if (Date.now() - grewAt > stallMs) onStall();
  }, 1000);
}

/** @param {string} folder */
function sizeBytes(folder) {
  let sum = 0;
  for (const name of readdirSync(folder)) sum += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  return sum;
}

/**
 * @param {string} folder
 * @param {import('./progress.mjs').Progress} progress
 * @param {string[]} tried
 * @returns {Promise<string | undefined>}
 */
async function build(folder, progress, tried) {
  const made = await goInstall({
    target: `github.com/temporalio/cli/cmd/temporal@v${cliVersion}`,
    folder,
    oldestGo,
    title: (go) => `Building the Temporal server with Go ${go} (once; about 5 minutes on 2 cores)`,
    progress,
    tried,
  });
  return made ? join(folder, process.platform === 'win32' ? 'temporal.exe' : 'temporal') : undefined;
}

/** @param {readonly string[]} tried */
function nothingToBeHad(tried) {
  const what = `There is no Temporal server to be had:\n${tried.map((why) => indent(`- ${why}`)).join('\n')}`;
  return new SetupError('SYSTEM_ENGINE_MISSING', what, {
    remedies: [
      `Put Temporal's CLI on the PATH (server ${oldestServer.join('.')} or newer; https://docs.temporal.io/cli), or name it in EVERTRAIN_TEMPORAL_BIN.`,
      `Install Go ${oldestGo.join('.')} or newer (https://go.dev/dl) and start again: the server is then built.`,
      'Set TEMPORAL_ADDRESS to use a Temporal service that runs elsewhere.',
    ],
  });
}

/** @param {string} binary */
async function serverVersion(binary) {
  const output = await runCommand(binary, ['--version'], { signal: AbortSignal.timeout(20_000) });
  const version = /Server (\d+\.\d+(?:\.\d+)?)/.exec(output)?.[1];
  if (version === undefined) throw new Error(`\`${binary} --version\` names no server: ${output.slice(0, 200)}`);
  return version;
}
