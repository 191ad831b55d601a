import { constants, existsSync, readFileSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Command } from 'commander';
import colors from 'picocolors';
import { packageFile } from '../../../activities/sdk/jobs/package-file.js';
import { isPortFree, portOf } from '../../../worker/engine/engine-ports.js';
import { readEngineRecord } from '../../../worker/engine/engine-record.js';
import { databaseName } from '../../../worker/engine/engine-arguments.js';
import { problemOf } from '../../../worker/maintenance/sqlite-database.js';
import { checkManifest } from '../../../worker/manifest.js';
import { hasNpmPackages } from '../../../worker/setup/npm-packages.mjs';
import { lockHolder } from '../../../worker/setup/process-lock.mjs';
import { findPythonEnvironment } from '../../../worker/setup/python.mjs';
import { findTemporal } from '../../../worker/setup/temporal.mjs';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import { searchAttributes } from '../../../workflows/sdk/protocol.js';
import { type ResolvedConnection, resolveConnection } from '../../config.js';
import { readEngineFile } from '../../engine-file.js';
import { type ConnectedOptions, withConnection } from '../connected.js';
import { hasColor } from '../paint.js';
import { exitCodes } from '../exit.js';
import { keptServerPort } from '../local-system.js';
import { loadActivities, loadProject } from '../project-files.js';

/** What one look found; `warn`: it works without, `fail`: it does not. */
interface Finding {
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do next, of a warning or a failure. */
  readonly remedy?: string;
  /** Of a failure with a section in docs/errors.md. */
  readonly code?: string;
}

/** Looks at one thing, changing nothing; what it throws is a failure. */
type Check = (options: ConnectedOptions) => Finding | Promise<Finding>;

const oldestNode = [20, 19] as const;
const littleSpaceGb = 2;
const inProjectFolder = 'Start in the folder of a project, or make one with `npx evertrain init`.';

const checks: Readonly<Record<string, Check>> = {
  node: () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
    if (isNew) return ok(process.version);
    return { state: 'fail', found: process.version, remedy: `Install Node ${oldestNode.join('.')} or newer.` };
  },
  'npm packages': npmPackages,
  temporal: async () => {
    const { binary, tried } = await findTemporal();
    if (binary !== undefined) return ok(`server ${binary.version} at ${binary.path}`);
    return warn(`${tried.join('; ')}.`, 'The first start downloads it, or builds it with Go 1.25 or newer.');
  },
  python: async () => {
    const { interpreter, python } = await findPythonEnvironment();
    if (python !== undefined) return ok(`${interpreter.version}, packages in ${dirname(dirname(python))}`);
    return warn(`${interpreter.version}, without packages.`, 'The first start installs them.');
  },
  'data folder': ({ dataDir }) => dataFolder(resolve(dataDir)),
  database: ({ dataDir }) => database(join(resolve(dataDir), databaseName)),
  ports: ({ dataDir }) => ports(resolve(dataDir)),
  engine,
  project: async () => {
    if (!existsSync(join(process.cwd(), 'workflows'))) return warn('no workflows folder here.', inProjectFolder);
    const project = await loadProject(process.cwd());
    const activities = await loadActivities(process.cwd());
    checkManifest(project, activities, () => true);
    return ok(`${project.pipelines.length} pipelines, ${activities.length} steps, all implemented`);
  },
  'onnxruntime-node': peer('onnxruntime-node', 'the model server and `predict` need it'),
  '@duckdb/node-api': peer('@duckdb/node-api', 'reading tables needs it'),
};

export function configure(command: Command): void {
  withConnection(command).option('--json', 'as JSON').action(doctor);
}

/** Looks and changes nothing. */
async function doctor(options: ConnectedOptions & { readonly json?: boolean }): Promise<void> {
  const findings: (Finding & { readonly check: string })[] = [];
  for (const [check, look] of Object.entries(checks)) {
    const finding = { check, ...(await lookAt(look, options)) };
    findings.push(finding);
    if (options.json !== true) process.stdout.write(`${line(finding)}\n`);
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  if (findings.some(({ state }) => state === 'fail')) process.exitCode = exitCodes.system;
}

async function lookAt(look: Check, options: ConnectedOptions): Promise<Finding> {
  try {
    return await look(options);
  } catch (error) {
    return failure(error);
  }
}

/** A checkout's packages are those of its lock file; a project's are there at all. */
function npmPackages(): Finding {
  const own = dirname(packageFile('package.json'));
  if (existsSync(join(own, 'package-lock.json')) && !hasNpmPackages({ root: own })) {
    return warn(`those in ${own} were not installed from its package-lock.json.`, '`npm start` does that.');
  }
  const manifest = join(process.cwd(), 'package.json');
  if (!existsSync(manifest)) return warn('no package.json here.', inProjectFolder);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, object>;
  const names = Object.keys({ ...dependencies, ...devDependencies });
  const { resolve: resolver } = createRequire(manifest);
  const isThere = (name: string) => resolver.paths(name)?.some((folder) => existsSync(join(folder, name)));
  const missing = names.filter((name) => !isThere(name));
  if (missing.length === 0) return ok(`${names.length} of ${manifest} are installed`);
  return { state: 'fail', found: `not installed: ${missing.join(', ')}.`, remedy: 'Run `npm install`.' };
}

async function dataFolder(path: string): Promise<Finding> {
  let there = path;
  while (!existsSync(there)) there = dirname(there);
  const unusable = (what: string, cause?: unknown) =>
    new EvertrainError('SYSTEM_STORE_UNAVAILABLE', what, {
      value: there,
      remedy: 'Choose another with --data-dir or EVERTRAIN_DATA_DIR, or give this user the right to write there.',
      cause,
    });
  if (!(await stat(there)).isDirectory()) throw unusable(`${there} is no folder.`);
  await access(there, constants.R_OK | constants.W_OK).catch((cause: unknown) => {
    throw unusable(`${there} cannot be written.`, cause);
  });
  const { bavail, bsize } = await statfs(there);
  const freeGb = (bavail * bsize) / 1e9;
  const holder = lockHolder(join(path, 'lock')) ?? lockHolder(join(path, 'engine.lock'));
  const use = holder === undefined ? '' : `, used by process ${holder.pid}`;
  const found = `${path}${there === path ? '' : ' (not made yet)'}, ${freeGb.toFixed(1)} GB free${use}`;
  return freeGb < littleSpaceGb ? warn(`${found}.`, '`evertrain gc` says what nothing needs.') : ok(found);
}

/** The embedded engine's, read to its end: as long as the disk takes, and 5 s of processor for 1 GB. */
async function database(path: string): Promise<Finding> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return ok('none here: no engine of its own has run');
  const { interpreter } = await findPythonEnvironment();
  const problem = await problemOf(path, interpreter.executable);
  const found = `${path}, ${Math.ceil(stats.size / 1e6)} MB`;
  if (problem === undefined) return ok(`${found}, sound`);
  const remedy =
    'Stop the engine, then `evertrain restore` a backup, or move the file away to start anew without its runs.';
  return { state: 'fail', found: `${found}, damaged: ${problem}.`, remedy, code: 'SYSTEM_STORE_UNAVAILABLE' };
}

/** The ports of the last start are taken again, so that noted addresses stay right: unless another program has them. */
async function ports(dataDir: string): Promise<Finding> {
  const record = readEngineFile(dataDir) === undefined ? readEngineRecord(dataDir) : undefined;
  const server = lockHolder(join(dataDir, 'lock')) === undefined ? keptServerPort(dataDir) : undefined;
  const kept = [portOf(record?.address), portOf(record?.uiAddress), server].filter((port) => port !== undefined);
  const free = await Promise.all(kept.map(isPortFree));
  const taken = kept.filter((_, n) => !free[n]);
  if (taken.length === 0) return ok(kept.length === 0 ? 'none to be kept' : `${kept.join(', ')}, kept and free`);
  return warn(`another program has ${taken.join(', ')}.`, 'End it, or the next start takes other ports.');
}

async function engine({ address, namespace, dataDir }: ConnectedOptions): Promise<Finding> {
  let target: ResolvedConnection;
  try {
    const given = { ...(address === undefined ? {} : { address }), ...(namespace === undefined ? {} : { namespace }) };
    target = resolveConnection({ dataDir: resolve(dataDir), ...given });
  } catch (error) {
    if (!isEvertrainError(error) || error.code !== 'SYSTEM_ENGINE_UNREACHABLE') throw error;
    return warn('none is configured, and none runs here.', '`npm start` or `evertrain dev` starts one.');
  }
  const { tls, apiKey, metadata } = target;
  const connection = await Connection.connect({
    address: target.address,
    connectTimeout: 3_000,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  }).catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `Nothing answers at ${target.address} (${target.source}).`, {
      value: target.address,
      remedy: 'Start it, or correct the address.',
      cause,
    });
  });
  try {
    return await connection.withDeadline(Date.now() + 5_000, () => engineState(connection, target));
  } finally {
    await connection.close();
  }
}

async function engineState(connection: Connection, { address, namespace }: ResolvedConnection): Promise<Finding> {
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  await connection.workflowService.describeNamespace({ namespace });
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(searchAttributes).filter(({ name }) => customAttributes?.[name] === undefined);
  const found = `server ${serverVersion} at ${address}, namespace ${namespace}`;
  if (missing.length === 0) return ok(found);
  const names = missing.map(({ name }) => name).join(', ');
  return warn(`${found}, lacks the search attributes ${names}.`, 'A worker registers them when it starts.');
}

function peer(name: string, use: string): Check {
  return () => {
    try {
      import.meta.resolve(name);
      return ok('installed');
    } catch {
      return warn(`not installed; ${use}.`, `Run \`npm install ${name}\`.`);
    }
  };
}

function ok(found: string): Finding {
  return { state: 'ok', found };
}

function warn(found: string, remedy: string): Finding {
  return { state: 'warn', found, remedy };
}

/** Set-up errors of the dependency-free scripts list several remedies. */
function failure(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  if (!isEvertrainError(error)) return { state: 'fail', found: message };
  const { code, remedy } = error;
  const found = message.replace(/\s*\[[A-Z_]+, see [^\]]+\]$/, '');
  if (remedy === undefined) return { state: 'fail', found, code };
  const what = found.slice(0, found.lastIndexOf(remedy.trim())).replace(/\s*(What helps:\s*)?$/, '');
  return { state: 'fail', found: what, remedy: remedy.trim(), code };
}

function line({ check, state, found, remedy, code }: Finding & { readonly check: string }): string {
  const { green, yellow, red } = colors.createColors(hasColor(process.stdout));
  const paint = { ok: green, warn: yellow, fail: red }[state];
  const link = code === undefined ? undefined : `[${code}, see docs/errors.md#${code.toLowerCase()}]`;
  const text = [found, remedy, link].filter((part) => part !== undefined).join(' ');
  return `${paint(state.padEnd(4))} ${check.padEnd(17)} ${text}`;
}
