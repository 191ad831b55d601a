import { constants, existsSync } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import type { Command } from 'commander';
import colors from 'picocolors';
import { checkManifest } from '../../../worker/manifest.js';
import { findPythonEnvironment } from '../../../worker/setup/python.mjs';
import { findTemporal } from '../../../worker/setup/temporal.mjs';
import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import { searchAttributes } from '../../../workflows/sdk/protocol.js';
import { resolveConnection } from '../../config.js';
import { readEngineFile } from '../../engine-file.js';
import { type ConnectedOptions, withConnection } from '../connected.js';
import { exitCodes } from '../exit.js';
import { loadActivities, loadProject } from '../local-system.js';

/** What one look found; `warn`: it works without, `fail`: it does not. */
interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  readonly found: string;
}

/** Looks at one thing and says what it found; what it throws is a failure. */
type Check = (options: ConnectedOptions) => Promise<Omit<Finding, 'check'>>;

const oldestNode = [20, 19] as const;
const littleSpaceGb = 2;

const checks: Readonly<Record<string, Check>> = {
  node: async () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
    return isNew ? ok(process.version) : fail(`${process.version}; Node ${oldestNode.join('.')} or newer is needed.`);
  },
  temporal: async () => {
    const { binary, tried } = await findTemporal();
    if (binary !== undefined) return ok(`server ${binary.version} at ${binary.path}`);
    return warn(`${tried.join('; ')}. The first start downloads it, or builds it with Go 1.25 or newer.`);
  },
  python: async () => {
    const { interpreter, python } = await findPythonEnvironment();
    if (python !== undefined) return ok(`${interpreter.version}, packages in ${dirname(dirname(python))}`);
    return warn(`${interpreter.version}; its packages are installed at the first start.`);
  },
  'data folder': async ({ dataDir }) => dataFolder(resolve(dataDir)),
  engine,
  project: async () => {
    if (!existsSync(join(process.cwd(), 'workflows'))) {
      return warn('no workflows folder here. Start in the folder of a project, or make one with `npx evertrain init`.');
    }
    const project = await loadProject(process.cwd());
    const activities = await loadActivities(process.cwd());
    checkManifest(project, activities, () => true);
    return ok(`${project.pipelines.length} pipelines, ${activities.length} steps, all implemented`);
  },
  'onnxruntime-node': peer('onnxruntime-node', 'the model server and `predict`'),
  '@duckdb/node-api': peer('@duckdb/node-api', 'reading tables'),
};

export function configure(command: Command): void {
  withConnection(command).option('--json', 'as JSON').action(doctor);
}

/** Looks and changes nothing. */
async function doctor(options: ConnectedOptions & { readonly json?: boolean }): Promise<void> {
  const findings: Finding[] = [];
  for (const [check, look] of Object.entries(checks)) {
    const found = await look(options).catch((error: unknown) => fail(textOf(error)));
    findings.push({ check, ...found });
    if (options.json !== true) process.stdout.write(`${line({ check, ...found })}\n`);
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
  if (findings.some(({ state }) => state === 'fail')) process.exitCode = exitCodes.system;
}

async function dataFolder(path: string): Promise<Omit<Finding, 'check'>> {
  let there = path;
  while (!existsSync(there)) there = dirname(there);
  await access(there, constants.R_OK | constants.W_OK).catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `${there} cannot be written.`, {
      value: there,
      remedy: 'Choose another with EVERTRAIN_DATA_DIR, or give this user the right to write there.',
      cause,
    });
  });
  const { bavail, bsize } = await statfs(there);
  const freeGb = (bavail * bsize) / 1e9;
  const found = `${path}${there === path ? '' : ' (not made yet)'}, ${freeGb.toFixed(1)} GB free`;
  return freeGb < littleSpaceGb ? warn(`${found}. Free some: \`evertrain gc\` says what nothing needs.`) : ok(found);
}

async function engine({ address, namespace, dataDir }: ConnectedOptions): Promise<Omit<Finding, 'check'>> {
  const folder = resolve(dataDir);
  const wanted = { dataDir: folder, ...(address === undefined ? {} : { address }) };
  const named = address !== undefined || process.env['TEMPORAL_ADDRESS'] !== undefined;
  if (!named && readEngineFile(folder) === undefined)
    return warn('none runs here. `npm start` or `evertrain dev` does.');
  const found = resolveConnection({ ...wanted, ...(namespace === undefined ? {} : { namespace }) });
  const { tls, apiKey, metadata } = found;
  const connection = await Connection.connect({
    address: found.address,
    connectTimeout: 3_000,
    ...(tls === undefined ? {} : { tls }),
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(metadata === undefined ? {} : { metadata }),
  }).catch((cause: unknown) => {
    throw new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `Nothing answers at ${found.address} (${found.source}).`, {
      value: found.address,
      remedy: 'Start it, or correct the address.',
      cause,
    });
  });
  try {
    return await connection.withDeadline(Date.now() + 5_000, () => engineState(connection, found));
  } finally {
    await connection.close();
  }
}

async function engineState(
  { workflowService, operatorService }: Connection,
  { address, namespace }: { readonly address: string; readonly namespace: string },
): Promise<Omit<Finding, 'check'>> {
  const { serverVersion } = await workflowService.getSystemInfo({});
  await workflowService.describeNamespace({ namespace });
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(searchAttributes).filter(({ name }) => customAttributes?.[name] === undefined);
  const found = `server ${serverVersion} at ${address}, namespace ${namespace}`;
  if (missing.length === 0) return ok(found);
  return warn(`${found}; a worker registers the search attributes ${missing.map(({ name }) => name).join(', ')}.`);
}

function peer(name: string, use: string): Check {
  return async () => {
    try {
      import.meta.resolve(name);
      return ok('installed');
    } catch {
      return warn(`not installed; ${use} needs it: \`npm install ${name}\`.`);
    }
  };
}

function ok(found: string): Omit<Finding, 'check'> {
  return { state: 'ok', found };
}

function warn(found: string): Omit<Finding, 'check'> {
  return { state: 'warn', found };
}

function fail(found: string): Omit<Finding, 'check'> {
  return { state: 'fail', found };
}

/** Set-up errors of the dependency-free scripts carry codes too, but are not Evertrain's class. */
function textOf(error: unknown): string {
  return isEvertrainError(error) || error instanceof Error ? error.message : String(error);
}

function line({ check, state, found }: Finding): string {
  const { green, yellow, red } = colors.createColors(process.stdout.isTTY === true);
  const paint = { ok: green, warn: yellow, fail: red }[state];
  return `${paint(state.padEnd(4))} ${check.padEnd(17)} ${found}`;
}
