import type { Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type {
  ActivityInboundCallsInterceptor,
  InjectedSinks,
  WorkerOptions as TemporalWorkerOptions,
} from '@temporalio/worker';
import { rememberHeader } from '../activities/sdk/step-activity.js';
import type { RunSinks } from '../workflows/sdk/protocol.js';
import { stepHeader, type StepHeader } from '../workflows/sdk/step-header.js';
import type { Bundle } from './bundle.js';
import type { Manifest } from './manifest.js';
import { cachedRuns, type Machine } from './resources/machine.js';
import type { QueueSlots } from './resources/queue-slots.js';
import { activitySlots, resourceKeeper } from './resources/temporal-slots.js';
import type { RunRecorder } from './run-recorder.js';
import type { singleFlight } from './single-flight.js';
import type { CreateWorkerOptions } from './worker-options.js';

export type Activities = NonNullable<TemporalWorkerOptions['activities']>;

/** What Temporal is told of a queue's worker. */
export function workerOptions(
  options: CreateWorkerOptions,
  taskQueue: string,
  slots: QueueSlots,
  activities: Activities,
  manifest: Manifest,
) {
  return {
    taskQueue,
    activities,
    ...activitySlots(slots),
    maxHeartbeatThrottleInterval: 1_000,
    defaultHeartbeatThrottleInterval: 1_000,
    shutdownGraceTime: 10_000,
    shutdownForceTime: 15_000,
    interceptors: {
      activity: [(context: Context) => ({ inbound: headerReader(context) }), ...resourceKeeper(slots, manifest)],
    },
    ...(options.version === undefined
      ? {}
      : {
          workerDeploymentOptions: {
            useWorkerVersioning: true,
            version: { deploymentName: options.version.deployment, buildId: options.version.build },
            defaultVersioningBehavior: 'PINNED' as const,
          },
        }),
  } satisfies Partial<TemporalWorkerOptions>;
}

/** What it is told beside of the one that carries out runs. */
export function workflowOptions(
  options: CreateWorkerOptions,
  machine: Machine,
  bundle: Bundle,
  recorder: RunRecorder,
  flight: Pick<ReturnType<typeof singleFlight>, 'ended'>,
) {
  const sinks: InjectedSinks<RunSinks> = {
    evertrain: {
      closing: { fn: (run) => recorder.closing(run), callDuringReplay: false },
      missEnded: { fn: (run, call) => flight.ended(run, call), callDuringReplay: false },
    },
  };
  return {
    sinks,
    workflowBundle: { code: bundle.code },
    maxCachedWorkflows: options.cachedRuns ?? cachedRuns(machine),
    // One thread carries out all tasks, so more of them at once would wait here instead of at another worker.
    maxConcurrentWorkflowTaskExecutions: 40,
    // How long a run stands still for a dead worker that had it in memory: the SDK's 10 s would double the heartbeat's.
    stickyQueueScheduleToStartTimeout: 5_000,
  } satisfies Partial<TemporalWorkerOptions>;
}

function headerReader(context: Context): ActivityInboundCallsInterceptor {
  return {
    execute(input, next) {
      const payload = input.headers[stepHeader];
      if (payload !== undefined) rememberHeader(context, defaultPayloadConverter.fromPayload<StepHeader>(payload));
      return next(input);
    },
  };
}
