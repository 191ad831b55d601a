import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileJournal } from '../../activities/sdk/journal/file-journal.js';
import { readAttempts } from '../../activities/sdk/journal/read-run.js';
import { Evertrain } from '../../client/evertrain.js';
import { addSearchAttributes } from '../../worker/engine/provision.js';
import { type Duration, durationMs } from '../../workflows/sdk/duration.js';
import { searchAttributes } from '../../workflows/sdk/protocol.js';
import { ensureTestServer } from './test-server.mjs';

/** An engine whose clock a test moves. */
export interface SkippingEngine {
  /** host:port of the gRPC service. */
  readonly address: string;
  readonly namespace: string;
  /** Empty, for the workers. */
  readonly dataDir: string;
  /** While a `result()` of this client is waited for, time skips to the next timer whenever no step is at work. */
  connect(): Promise<Evertrain>;
  /** Lets so much time pass at once, for example up to an approval's deadline. */
  pass(duration: Duration): Promise<void>;
  /** Stops it and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Temporal's test server: runs, timers, answers and workers are real, time is not. It keeps nothing and lists no runs, and
 * its time is one for all runs: use one engine for one run at a time. Needs `@temporalio/testing`; the server comes by Java
 * and Maven, else by the download of `@temporalio/testing`.
 */
export async function startSkippingEngine(): Promise<SkippingEngine> {
  const path = await ensureTestServer();
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const env = await TestWorkflowEnvironment.createTimeSkipping(
    path === undefined ? {} : { server: { executable: { type: 'existing-path', path } } },
  );
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-test-'));
  const stop = async () => {
    await env.teardown();
    // A worker that was killed may have a file half made when its folder goes.
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const { address, client, namespace = 'default' } = env;
  await addSearchAttributes(env.connection, namespace, Object.values(searchAttributes)).catch(
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  const journal = fileJournal(join(dataDir, 'journal'));
  return {
    address,
    namespace,
    dataDir,
    connect: async () =>
      new Evertrain({
        client,
        close: () => Promise.resolve(),
        resolved: { address, namespace, source: 'option' },
        attempts: (workflowId, runId) => readAttempts(journal, workflowId, runId),
      }),
    pass: (duration) => env.sleep(durationMs(duration, 'pass')),
    stop,
  };
}
