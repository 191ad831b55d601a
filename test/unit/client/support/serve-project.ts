import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { implement } from '../../../../activities/sdk/implement.js';
import type { CreateWorkerOptions } from '../../../../worker/worker-options.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import { fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import { readAttempts } from '../../../../activities/sdk/journal/read-run.js';
import type { Bundle } from '../../../../worker/bundle.js';
import { cachedBundle } from '../../../../worker/bundle-cache.js';
import { createWorker } from '../../../../worker/create-worker.js';
import { broken, fit, flaky, makeTable, onGpu, slow } from './project.js';

const workflows = fileURLToPath(new URL('workflows.ts', import.meta.url));
let bundle: Promise<Bundle> | undefined;

export interface Served {
  readonly dataDir: string;
  readonly attempts: (workflowId: string, runId: string) => ReturnType<typeof readAttempts>;
  /** Stops the worker; the data folder stays. */
  stop(): Promise<void>;
  /** Stops it and removes the data folder. */
  end(): Promise<void>;
}

/** A real worker for `project.ts`, with a data folder of its own. */
export async function serveProject(
  address: string,
  options: Pick<CreateWorkerOptions, 'queues'> = {},
): Promise<Served> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-client-'));
  bundle ??= cachedBundle(workflows);
  const worker = await createWorker({ workflows, activities, address, dataDir, bundle: await bundle, ...options });
  const running = worker.run();
  const journal = fileJournal(join(dataDir, 'journal'));
  const stop = async () => {
    worker.shutdown();
    await running;
  };
  return {
    dataDir,
    attempts: (workflowId, runId) => readAttempts(journal, workflowId, runId),
    stop,
    end: async () => {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const activities = [
  implement(onGpu, () => undefined),
  implement(makeTable, async ({ rows }, { artifacts }) => ({ table: await artifacts.putJson({ rows }) })),
  implement(fit, async ({ depth }, { artifacts, metric }) => {
    metric('loss', 1 / depth);
    return { model: await artifacts.putJson({ depth }), accuracy: depth === 1 ? 0.81 : 0.82 };
  }),
  implement(slow, async ({ beats }, { progress, signal }) => {
    for (let n = 1; n <= beats && !signal.aborted; n++) {
      progress(n / beats, `beat ${n}`);
      await sleep(100);
    }
    return { beats };
  }),
  implement(flaky, async (_input, { attempt }) => {
    if (attempt === 1) throw new Error('not yet');
    return null;
  }),
  implement(broken, () => {
    throw new EvertrainError('USER_DATA_MALFORMED', 'Row 3 has no label.', { remedy: 'Add it.' });
  }),
];
