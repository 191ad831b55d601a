import { fileURLToPath } from 'node:url';
import { heartbeat, sleep, activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type { CacheLookup } from '../../../../workflows/sdk/cache-messages.js';
import { builtIn } from '../../../../workflows/sdk/protocol.js';

const workflowsPath = fileURLToPath(new URL('raw-workflows.ts', import.meta.url));
let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

export function quiet(): void {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'OFF', forward: {} } },
  });
}

/** A raw SDK worker for `raw-workflows.ts`; the activities' doings are in their names. */
export async function rawWorker(env: TestWorkflowEnvironment, taskQueue: string): Promise<Worker> {
  bundle ??= bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [workflowsPath],
    logger: new DefaultLogger('ERROR'),
  });
  return Worker.create({
    connection: env.nativeConnection,
    taskQueue,
    workflowBundle: await bundle,
    activities,
    shutdownGraceTime: 0,
    maxHeartbeatThrottleInterval: 50,
    defaultHeartbeatThrottleInterval: 50,
  });
}

export const table = {
  uri: `file:sha256/${'a'.repeat(64)}`,
  sha256: 'a'.repeat(64),
  sizeBytes: 12,
  mediaType: 'text/csv',
};

const lookedUp: CacheLookup = {
  hit: true,
  stepId: 'features',
  step: 'features',
  input: { table, rows: 150 },
  key: 'k1',
  output: { train: table, rows: 3 },
  source: { workflowId: 'before', runId: 'r0', stepId: 'features' },
};

const activities = {
  async ingest(input: { n: number }) {
    return { table, rows: input.n };
  },
  async fit() {
    return { accuracy: 0.93, metrics: { f1: 0.9 } };
  },
  async flaky(input: { until: number }) {
    if (activityInfo().attempt < input.until) throw new Error('not yet');
    return null;
  },
  async malformed() {
    throw ApplicationFailure.nonRetryable('row 3 has no label', 'USER_DATA_MALFORMED');
  },
  async beats() {
    for (let n = 0; n < 600; n++) {
      heartbeat({ fraction: n / 600, message: `part ${n}` });
      await sleep(50);
    }
  },
  async short() {
    for (let n = 0; n < 12; n++) {
      heartbeat({ fraction: n / 12 });
      await sleep(100);
    }
    return { done: true };
  },
  async afterAnswer() {},
  async afterSignal() {},
  async afterTimer() {},
  async [builtIn.cacheLookup]() {
    return lookedUp;
  },
  async [builtIn.notify]() {},
};
