/**
 * The embedded engine is Temporal's dev server on an SQLite file in the data folder, tuned for short steps. One process
 * owns it: the one that holds `engine.lock`. It starts the server, writes `engine.json` so that others find it, and
 * stops it. Others on the same folder adopt it, which means that they use it and leave it alone. The server survives
 * the death of its owner; the next process on the folder then takes it over with everything that runs in it.
 */
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { identify } from '../setup/process-identity.mjs';
import { type DataFolderLock, dataFolderInUse, tryLockFile } from './data-folder-lock.js';
import { databaseName, engineArguments, engineNamespace } from './engine-arguments.js';
import { cannotSpawn, isPortTaken, mayStartNextTime, startFailure } from './engine-failure.js';
import { choosePort, loopback, portInUse, portOf } from './engine-ports.js';
import { boundedLogSize, boundLog, type EngineProcess, foundEngine, logSince, spawnEngine } from './engine-process.js';
import { type EngineRecord, readEngineRecord, writeEngineRecord } from './engine-record.js';
import { probeEngine, waitForEngine } from './probe-engine.js';

export interface EngineOptions {
  /** Created when absent. */
  readonly dataDir: string;
  /** Path of Temporal's CLI (see `ensureTemporal`). */
  readonly binary: string;
  /** gRPC port; default: the one of the last run when free, else any free one. */
  readonly port?: number;
  /** Port of Temporal's UI, by the same default; false for no UI. */
  readonly uiPort?: number | false;
  /** SQLite's `synchronous`: 2 (default) survives a power loss, 1 any kill of a process. */
  readonly synchronous?: 1 | 2;
  /** The dev server's own settings instead of the tuned ones, for comparison. */
  readonly stock?: boolean;
  /** More of Temporal's dynamic configuration, each as `key=value`. */
  readonly dynamicConfig?: readonly string[];
  readonly log?: (line: string) => void;
}

export interface Engine {
  /** host:port of the gRPC service. */
  readonly address: string;
  readonly namespace: string;
  /** URL of Temporal's UI. */
  readonly uiAddress?: string;
  readonly pid: number;
  /** Another living process owns it: `stop` leaves it alone. */
  readonly adopted: boolean;
  /** Resolves with how the engine ended, whoever ended it; pending while it runs. */
  readonly exited: Promise<string>;
  /** Stops the engine (SIGTERM, after 10 s SIGKILL) and waits until it is gone; calling it again waits for the same. */
  stop(): Promise<void>;
}

const logName = 'engine.log';
const answerWithinMs = 5000;
const startWithinMs = 60_000;
/** How long to wait for the engine that another process is starting right now. */
const foreignStartWithinMs = 30_000;

/**
 * Starts the engine of a data folder, or uses the one that runs there. Codes: SYSTEM_PORT_IN_USE,
 * SYSTEM_DATA_FOLDER_IN_USE, SYSTEM_STORE_UNAVAILABLE (folder or database), SYSTEM_ENGINE_MISSING (no such binary),
 * SYSTEM_ENGINE_INCOMPATIBLE (wrong binary or version), SYSTEM_FAILED with the server's last words.
 */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const dataDir = resolve(options.dataDir);
  const deadline = Date.now() + foreignStartWithinMs;
  for (;;) {
    const lock = tryLockFile(dataDir, 'engine.lock');
    if ('release' in lock) {
      try {
        return (await takeOver(dataDir, options, lock)) ?? (await startNew(dataDir, options, lock));
      } catch (error) {
        lock.release();
        throw error;
      }
    }
    const found = await findLiving(dataDir);
    if (found !== undefined) return adopt(dataDir, options, found);
    if (Date.now() > deadline) {
      throw dataFolderInUse(dataDir, lock.heldBy, 'Its engine belongs to, but does not answer for,');
    }
    await sleep(100);
  }
}

/** The record of an engine that runs on this folder and answers. */
async function findLiving(dataDir: string): Promise<EngineRecord | undefined> {
  const record = readEngineRecord(dataDir);
  if (record === undefined || record.stoppedAt !== undefined || !isSameProcess(record)) return undefined;
  return (await probeEngine(record.address, answerWithinMs)) === record.clusterId ? record : undefined;
}

function isSameProcess({ pid, processStart }: EngineRecord): boolean {
  const now = identify(pid);
  return now !== undefined && (processStart === undefined || now.start === undefined || now.start === processStart);
}

function adopt(dataDir: string, options: EngineOptions, record: EngineRecord): Engine {
  refuseOtherPorts(options, record);
  options.log?.(`Using the engine that runs on ${dataDir} at ${record.address} (process ${record.pid}).`);
  return { ...describe(record), adopted: true, exited: foundEngine(record.pid).exited, stop: async () => {} };
}

/** The engine whose owner died, if it still runs: it has lost nothing, and is this process's from now on. */
async function takeOver(dataDir: string, options: EngineOptions, lock: DataFolderLock): Promise<Engine | undefined> {
  const record = readEngineRecord(dataDir);
  if (record === undefined || record.stoppedAt !== undefined || !isSameProcess(record)) return undefined;
  const engine = foundEngine(record.pid);
  if ((await findLiving(dataDir)) !== undefined) {
    refuseOtherPorts(options, record);
    options.log?.(
      `Taking over the engine at ${record.address} (process ${record.pid}): the process that started it ended.`,
    );
    return own(dataDir, record, engine, lock);
  }
  // Two servers on one database would harm it; what was committed survives the kill. Without a start time the pid may be
  // a stranger's by now: left alone.
  if (record.processStart !== undefined) await engine.end(0);
  return undefined;
}

function refuseOtherPorts({ port, uiPort }: EngineOptions, record: EngineRecord): void {
  const ui = portOf(record.uiAddress);
  for (const [option, wanted, has] of [
    ['port', port, portOf(record.address)],
    ['uiPort', uiPort === false ? undefined : uiPort, ui],
  ] as const) {
    if (wanted === undefined || wanted === has) continue;
    const what = `${option}: the engine of this data folder already runs (process ${record.pid}) on port ${has ?? 'none'}, not ${wanted}.`;
    throw new EvertrainError('USER_OPTION_INVALID', what, {
      value: wanted,
      remedy: 'Leave the option out, or stop that engine first.',
    });
  }
}

async function startNew(dataDir: string, options: EngineOptions, lock: DataFolderLock): Promise<Engine> {
  for (let attempt = 1; ; attempt++) {
    const ports = await choosePorts(dataDir, options);
    const started = await tryStart(dataDir, options, ports);
    if ('record' in started) {
      writeEngineRecord(dataDir, started.record);
      options.log?.(`The engine runs at ${started.record.address} (process ${started.record.pid}).`);
      return own(dataDir, started.record, started.engine, lock);
    }
    // Another program took a port between our look and the server's.
    if (options.port !== undefined && isPortTaken(started.log, options.port)) throw portInUse('port', options.port);
    if (attempt === 3 || !mayStartNextTime(started.log)) throw started.error;
  }
}

async function choosePorts(dataDir: string, options: EngineOptions) {
  const previous = readEngineRecord(dataDir);
  const port = await choosePort({ option: 'port', explicit: options.port, previous: portOf(previous?.address) });
  if (options.uiPort === false) return { port, uiPort: false } as const;
  const uiPort = await choosePort({
    option: 'uiPort',
    explicit: options.uiPort,
    previous: portOf(previous?.uiAddress),
  });
  return { port, uiPort };
}

async function tryStart(
  dataDir: string,
  { binary, synchronous = 2, stock = false, dynamicConfig = [] }: EngineOptions,
  { port, uiPort }: { readonly port: number; readonly uiPort: number | false },
): Promise<{ record: EngineRecord; engine: EngineProcess } | { error: EvertrainError; log: string }> {
  const database = join(dataDir, databaseName);
  const logFile = join(dataDir, logName);
  const args = engineArguments({ database, port, uiPort, synchronous, stock, dynamicConfig });
  const before = boundedLogSize(logFile);
  const engine = await spawnEngine(binary, args, logFile).catch((cause: unknown) => {
    throw cannotSpawn(binary, cause);
  });
  const address = `${loopback}:${port}`;
  const clusterId = await waitForEngine(address, startWithinMs, engine.hasExited);
  if (clusterId === undefined || engine.hasExited()) {
    const how = engine.hasExited() ? await engine.exited : `it did not answer within ${startWithinMs / 1000} s`;
    await engine.end();
    const log = logSince(logFile, before);
    return { error: startFailure(binary, database, how, log), log };
  }
  const identity = identify(engine.pid);
  const record: EngineRecord = {
    address,
    namespace: engineNamespace,
    ...(uiPort === false ? {} : { uiAddress: `http://${loopback}:${uiPort}` }),
    pid: engine.pid,
    ...(identity?.start === undefined ? {} : { processStart: identity.start }),
    clusterId,
    startedAt: new Date().toISOString(),
    binary,
  };
  return { record, engine };
}

/** The engine as its owner sees it: `stop` ends it, and only then gives the folder free. */
function own(dataDir: string, record: EngineRecord, engine: EngineProcess, lock: DataFolderLock): Engine {
  let stopping: Promise<void> | undefined;
  const leaveLog = boundLog(join(dataDir, logName));
  const stop = async () => {
    // Written first, so that nobody adopts an engine that is about to end.
    writeEngineRecord(dataDir, { ...record, stoppedAt: new Date().toISOString() });
    await engine.end();
    leaveLog();
    lock.release();
  };
  return {
    ...describe(record),
    adopted: false,
    exited: engine.exited,
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

function describe({ address, namespace, uiAddress, pid }: EngineRecord) {
  return { address, namespace, ...(uiAddress === undefined ? {} : { uiAddress }), pid };
}
