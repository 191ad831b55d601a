import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { readAttempts } from '../../activities/sdk/journal/read-run.js';
import { connect } from '../../client/connect.js';
import type { Evertrain } from '../../client/evertrain.js';
import { restore } from '../../worker/maintenance/backup.js';
import { provision } from '../../worker/engine/provision.js';
import { type Engine, startEngine } from '../../worker/engine/start-engine.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { endWithTest } from './end-with-test.js';
import { isAlive } from './python-project.js';

/** A real engine of a test's own, with a data folder of its own. */
export interface TestEngine {
  /** host:port of the gRPC service; stays the same over `restart`. */
  readonly address: string;
  readonly namespace: string;
  readonly dataDir: string;
  /** A client whose views know every attempt. Close it yourself. */
  connect(): Promise<Evertrain>;
  /** Ends the server by SIGKILL, as a crash would, if it has not crashed by itself. */
  kill(): Promise<void>;
  /** Starts it again on the same folder, after `kill`. */
  restart(): Promise<void>;
  /** Stops it and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded engine on an empty temporary folder, ready for runs. It ends with the process that started it, also
 * when that is killed.
 *
 * @param backup a backup to start on instead
 * @param dynamicConfig more of Temporal's settings, each as `key=value`
 */
export async function startTestEngine(backup?: string, dynamicConfig: readonly string[] = []): Promise<TestEngine> {
  const { path: binary } = await ensureTemporal();
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-test-'));
  const end = endWithTest(dataDir);
  const removeFolder = async () => {
    end.release();
    // A worker that was killed may have a file half made when its folder goes.
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  if (backup !== undefined) await restore({ from: backup, dataDir });
  const start = async (port?: number) => {
    const engine = await startEngine({
      dataDir,
      binary,
      uiPort: false,
      dynamicConfig,
      ...(port === undefined ? {} : { port }),
    });
    end.watch(engine.pid);
    return engine;
  };
  let engine = await start().catch(async (error: unknown) => {
    await removeFolder();
    throw error;
  });
  const { address, namespace } = engine;
  const port = Number(address.split(':').at(-1));
  await prepare(engine);
  return {
    address,
    namespace,
    dataDir,
    connect: () => {
      const journal = fileJournal(join(dataDir, 'journal'));
      const attempts = (workflowId: string, runId: string) => readAttempts(journal, workflowId, runId);
      return connect({ address, namespace, attempts });
    },
    async kill() {
      if (isAlive(engine.pid)) process.kill(engine.pid, 'SIGKILL');
      await engine.exited;
      end.watch(0);
      await engine.stop();
    },
    async restart() {
      engine = await start(port);
    },
    async stop() {
      await engine.stop();
      await removeFolder();
    },
  };
}

async function prepare({ address, namespace }: Engine): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await provision(connection, namespace);
  } finally {
    await connection.close();
  }
}
