import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { configurePython } from '../../activities/sdk/jobs/python-environment.js';
import { readAttempts } from '../../activities/sdk/journal/read-run.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { type ModelServer, startModelServer } from '../../serving/start-model-server.js';
import { createWorker, type EvertrainWorker } from '../../worker/create-worker.js';
import { lockDataFolder } from '../../worker/engine/data-folder-lock.js';
import { provision } from '../../worker/engine/provision.js';
import { type Engine, startEngine } from '../../worker/engine/start-engine.js';
import { installRuntime, quietWorkerLog } from '../../worker/log.js';
import { ensurePython } from '../../worker/setup/python.mjs';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { EvertrainError, isEvertrainError } from '../../workflows/sdk/errors.js';
import { connect } from '../connect.js';
import type { Evertrain } from '../evertrain.js';
import { loadActivities, projectFile } from './project-files.js';

/** A whole Evertrain on this machine: engine, worker and model server over one data folder. */
export interface LocalSystem {
  readonly dataDir: string;
  readonly engine: Engine;
  readonly server: ModelServer;
  readonly worker: EvertrainWorker;
  readonly evertrain: Evertrain;
  /** Ends when the worker or the engine ends by itself; a failure rejects. */
  readonly ended: Promise<void>;
  /** Drains the worker, then stops the model server and the engine. */
  stop(): Promise<void>;
}

export interface LocalSystemOptions {
  readonly dataDir: string;
  /** The project's folder, with workflows/index.ts and activities/index.ts. */
  readonly root: string;
  readonly say: (line: string) => void;
}

/** Starts the parts in order; when one fails, those before it are stopped. */
export async function startLocalSystem({ dataDir, root, say }: LocalSystemOptions): Promise<LocalSystem> {
  installRuntime('ERROR');
  quietWorkerLog();
  const undo: Array<() => unknown> = [];
  const stop = async () => {
    for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last();
  };
  try {
    const lock = await lockDataFolder(dataDir);
    undo.push(() => lock.release());
    const { path: binary } = await ensureTemporal({ log: say });
    const engine = await startEngine({ dataDir, binary, log: say });
    undo.push(() => engine.stop());
    const connection = await Connection.connect({ address: engine.address });
    try {
      await provision(connection, engine.namespace);
    } finally {
      await connection.close();
    }
    configurePython(async (requirements) =>
      ensurePython({ ...(requirements === undefined ? {} : { requirements }), log: say }),
    );
    const server = await startKeptServer(dataDir);
    undo.push(() => server.close());
    const activities = await loadActivities(root);
    const webhook = process.env['EVERTRAIN_WEBHOOK'];
    const worker = await createWorker({
      workflows: projectFile(root, 'workflows'),
      activities,
      address: engine.address,
      namespace: engine.namespace,
      dataDir,
      modelServer: server.address,
      ...(webhook === undefined ? {} : { webhook }),
    });
    const serving = worker.run();
    serving.catch(() => undefined);
    undo.push(async () => {
      worker.shutdown();
      await serving.catch(() => undefined);
    });
    const evertrain = await connectTo(engine, dataDir);
    undo.push(() => evertrain.close());
    return {
      dataDir,
      engine,
      server,
      worker,
      evertrain,
      stop,
      ended: Promise.race([serving, engineEnds(engine, dataDir)]),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A client of the engine on a data folder, whose views know every attempt. */
export function connectTo({ address, namespace }: Engine, dataDir: string): Promise<Evertrain> {
  const { journal } = openStorage(dataDir);
  const attempts = (workflowId: string, runId: string) => readAttempts(journal, workflowId, runId);
  return connect({ address, namespace, attempts });
}

/** Rejects when the engine ends by itself. On a full disk it does, and cannot say so in its log. */
export async function engineEnds(engine: Engine, dataDir: string): Promise<never> {
  const how = await engine.exited;
  const isFull = await statfs(dataDir).then(
    ({ bavail, bsize }) => bavail * bsize < 1 << 20,
    () => false,
  );
  throw new EvertrainError(
    isFull ? 'SYSTEM_STORE_UNAVAILABLE' : 'SYSTEM_ENGINE_UNREACHABLE',
    `The engine ended: ${how}.${isFull ? ` The disk of ${resolve(dataDir)} is full.` : ''}`,
    {
      value: resolve(dataDir),
      remedy: isFull
        ? 'Free disk space and start again; nothing that was recorded is lost.'
        : 'Start again; nothing that was recorded is lost. Its log is engine.log in the data folder.',
    },
  );
}

/** Keeps the port of the last start where it is still free, so that noted addresses stay right. */
export async function startKeptServer(dataDir: string): Promise<ModelServer> {
  const { store } = openStorage(dataDir);
  const port = keptServerPort(dataDir) ?? 8100;
  const server = await startModelServer({ dataDir, store, port }).catch((error: unknown) => {
    if (isEvertrainError(error) && error.code === 'SYSTEM_PORT_IN_USE') return startModelServer({ dataDir, store });
    throw error;
  });
  await server.ready;
  const kept = { port: Number(new URL(server.address).port) };
  writeFileSync(join(dataDir, 'model-server.json'), JSON.stringify(kept));
  return server;
}

/** The model server's port of the last start on the data folder. */
export function keptServerPort(dataDir: string): number | undefined {
  const file = join(dataDir, 'model-server.json');
  if (!existsSync(file)) return undefined;
  return Number((JSON.parse(readFileSync(file, 'utf8')) as { port?: unknown }).port) || undefined;
}
