import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { storeUnavailable } from '../activities/sdk/durable-files.js';
import { configurePythonByDefault } from '../activities/sdk/jobs/python-environment.js';
import { logCapBytes } from '../activities/sdk/journal/log-cap.js';
import { openAttemptRecords } from '../activities/sdk/journal/attempt-records.js';
import type { ArtifactStore, Journal, TellRun } from '../activities/sdk/ports.js';
import type { StepServices } from '../activities/sdk/services.js';
import { openStorage } from '../activities/sdk/storage.js';
import { workerLog } from './log.js';
import { ensurePython } from './setup/python.mjs';

export interface StepServicesOptions {
  /** Default `.evertrain`. */
  readonly dataDir?: string | undefined;
  /** Default, for the journal too: what `EVERTRAIN_STORE` names, else the data folder. */
  readonly store?: ArtifactStore | undefined;
  readonly journal?: Journal | undefined;
  /** Default: the worker's own log. */
  readonly log?: StepServices['log'];
  /** Default: nobody is told. */
  readonly tell?: TellRun;
}

/**
 * What steps need of a process, over one data folder; `close` when no step runs any more. Python environments are made
 * when the first step needs them.
 */
export async function openStepServices(
  options: StepServicesOptions,
): Promise<StepServices & { close(): Promise<void> }> {
  configurePythonByDefault((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  const dataDir = resolve(options.dataDir ?? '.evertrain');
  const tmpDir = join(dataDir, 'tmp', `worker-${process.pid}-${Date.now().toString(36)}`);
  await mkdir(tmpDir, { recursive: true }).catch((error: unknown) => {
    throw storeUnavailable(error, 'write to the data folder', dataDir);
  });
  const storage = openStorage(dataDir);
  if (options.store === undefined || options.journal === undefined) await storage.check();
  const journal = options.journal ?? storage.journal;
  const records = openAttemptRecords(journal, randomUUID());
  const background = new Set<Promise<unknown>>();
  return {
    store: options.store ?? storage.store,
    journal,
    records,
    identity: `${process.pid}@${hostname()}`,
    tmpDir,
    background,
    logCapBytes: logCapBytes(),
    ...(options.tell === undefined ? {} : { tell: options.tell }),
    log: options.log ?? ((level, message, fields) => workerLog[level](fields, message)),
    async close() {
      await Promise.all(background);
      await records.flush().catch((error: unknown) => workerLog.warn(String(error)));
      await rm(tmpDir, { recursive: true, force: true });
    },
  };
}
