import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import type { Context } from '@temporalio/activity';
import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import {
  type ActivityInboundCallsInterceptor,
  GracefulShutdownPeriodExpiredError,
  type InjectedSinks,
  NativeConnection,
  Worker,
  type WorkerOptions as TemporalWorkerOptions,
} from '@temporalio/worker';
import type { Implementation } from '../activities/sdk/implementation.js';
import type { ArtifactStore, Journal } from '../activities/sdk/ports.js';
import type { ObjectSource } from '../activities/sensors/object-source.js';
import type { StepServices } from '../activities/sdk/services.js';
import { checkProfileVariables, profileVariables } from '../activities/sdk/profile-variables.js';
import { missingSecrets, unsetSecrets } from '../activities/sdk/secrets.js';
import { rememberHeader, stepActivity } from '../activities/sdk/step-activity.js';
import { historyChannelArgs } from '../client/history/fetch.js';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import { checkOptions, invalidOption } from '../workflows/sdk/options.js';
import type { Project } from '../workflows/sdk/project.js';
import { defaultQueue, type RunSinks } from '../workflows/sdk/protocol.js';
import { defined } from '../workflows/sdk/registry.js';
import type { ResourceOptions } from '../workflows/sdk/resources.js';
import { type StepHeader, stepHeader } from '../workflows/sdk/step-header.js';
import { type BuiltInSettings, builtInActivities } from './built-in-activities.js';
import { type Bundle, loadBundleOf } from './bundle.js';
import { cachedBundle } from './bundle-cache.js';
import { workerLog } from './log.js';
import { checkManifest, type Manifest } from './manifest.js';
import { neededSecrets } from './needed-secrets.js';
import { openOptuna } from './open-optuna.js';
import { cachedRuns, findMachine, type Machine } from './resources/machine.js';
import { needsOf, type QueueOptions, type QueueSlots, queueSlots } from './resources/queue-slots.js';
import { ResourceBudget } from './resources/resource-budget.js';
import { activitySlots, resourceKeeper } from './resources/temporal-slots.js';
import { RunRecorder } from './run-recorder.js';
import { singleFlight } from './single-flight.js';
import { openStepServices } from './step-services.js';
import { tellRun } from './tell-run.js';
import { wakeModels } from './wake-models.js';
import { warmUp } from './warm-up.js';
import { watchSchedules } from './watch-schedules.js';
import { watchMismatches } from './watch-mismatches.js';

export interface CreateWorkerOptions {
  /** Path of the project's workflows/index.ts; its default export is `project({ … })`. */
  readonly workflows: string;
  readonly activities: readonly Implementation[];
  /**
   * A bundle built before (`evertrain worker --build-bundle`), by its path: refused where the workflows beside it have
   * changed since. As a value (`loadBundle`) it is taken as it is. Default: built now.
   */
  readonly bundle?: string | Bundle;
  /** Temporal's address, or the TLS and key settings of a native connection. */
  readonly address: string;
  readonly namespace?: string;
  readonly tls?: ConnectionOptions['tls'] | undefined;
  readonly apiKey?: string | undefined;
  /** Holds artifacts, journal and work folders. Default `.evertrain`. */
  readonly dataDir?: string | undefined;
  readonly store?: ArtifactStore;
  readonly journal?: Journal;
  /** Queues to serve. Default: the queue of runs and each queue that a step names. */
  readonly queues?: Readonly<Record<string, QueueOptions>>;
  /**
   * What the worker has for steps that declare `resources`. Default: what this process may use of its machine
   * (docs/scaling.md).
   */
  readonly resources?: ResourceOptions;
  /** Where promoted versions are deployed to, for example `http://127.0.0.1:8100`. */
  readonly modelServer?: string | undefined;
  /** Where sensors look for objects, beside files and S3. */
  readonly objectSources?: readonly ObjectSource[];
  /** Called when a run fails or waits for a person. */
  readonly webhook?: string | undefined;
  /** Worker Versioning: open runs stay with workers of the build they started on. */
  readonly version?: { readonly deployment: string; readonly build: string };
  /**
   * Runs kept in memory between their tasks. Default 300, fewer below 1.2 GiB of memory (`resources`); 0 replays each task
   * from history.
   */
  readonly cachedRuns?: number;
}

const optionNames = [
  'workflows',
  'activities',
  'bundle',
  'address',
  'namespace',
  'tls',
  'apiKey',
  'dataDir',
  'store',
  'journal',
  'queues',
  'resources',
  'modelServer',
  'objectSources',
  'webhook',
  'version',
  'cachedRuns',
] as const;

/** A worker of one project: one Temporal worker a queue, over one connection. */
export interface EvertrainWorker {
  /** Serves until `shutdown` is called or a worker fails; answers when all work is drained. */
  run(): Promise<void>;
  /**
   * Takes no new work and lets running steps end; cancels them after 10 s, and leaves those behind that do not heed it
   * after 15 s (end the process then). Ends `run`.
   */
  shutdown(): void;
  /** Asks the engine; answers within 2 s. */
  readonly health: () => Promise<WorkerHealth>;
  readonly manifest: Manifest;
  readonly version: string;
}

export interface WorkerHealth {
  /** Temporal's word for its workers: RUNNING, DRAINING, …; MIXED while they differ. */
  readonly state: string;
  readonly engine: 'reachable' | 'unreachable';
  readonly queues: Readonly<
    Record<string, { readonly state: string; readonly runningSteps: number; readonly slots: number }>
  >;
}

/**
 * How much a heap may grow, in percent of what lives, before V8 collects it: by itself it lets the heap of runs double
 * and more. With 6,000 runs open and 300 in memory a worker held 733 MB by V8's own rule and 503 MB by this one, for the
 * same CPU time (24 s).
 */
const heapGrowth = 25;

/**
 * Megabytes of each half of the young generation of heaps made from now on, that is of the one of runs. V8's 16 fill up
 * before they are collected: with 2 a worker held about 25 MB less after the tutorial, for 2 % more CPU time of a chain.
 */
const youngHalf = 2;

/** Connects, checks the manifest and prepares the workers; nothing is served before `run`. */
export async function createWorker(options: CreateWorkerOptions): Promise<EvertrainWorker> {
  checkOptions('createWorker', options, optionNames);
  setFlagsFromString(`--heap-growing-percent=${heapGrowth}`);
  setFlagsFromString(`--max-semi-space-size=${youngHalf}`);
  checkUrl('webhook', options.webhook);
  checkUrl('modelServer', options.modelServer);
  const project = await loadProject(options.workflows);
  const serves = (queue: string) => options.queues === undefined || queue in options.queues;
  const manifest = checkManifest(project, options.activities, serves);
  checkProfileVariables(defined.variables, profileVariables());
  const secretsOf = (all: Iterable<Implementation>) =>
    [...all].flatMap(({ secrets = [] }) => secrets.map(({ secret }) => secret));
  const own = secretsOf(served(manifest));
  const ofSteps = secretsOf(manifest.implementations.values());
  const needed = neededSecrets({ ...defined, ofSteps, events: project.events });
  const known = await unsetSecrets(needed);
  const unset = serves(defaultQueue) ? known : known.filter((name) => own.includes(name));
  if (unset.length > 0) throw missingSecrets(unset);
  const namespace = options.namespace ?? 'default';
  const settings = {
    address: options.address,
    ...(options.tls === undefined || options.tls === null ? {} : { tls: options.tls }),
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
  };
  const bundle =
    options.bundle === undefined
      ? await cachedBundle(resolve(options.workflows))
      : typeof options.bundle === 'string'
        ? await loadBundleOf(options.bundle, options.workflows)
        : options.bundle;
  const connection = await NativeConnection.connect(settings).catch((error: unknown) => {
    throw unreachable(options.address, error);
  });
  const clientConnection = Connection.lazy({ ...settings, channelArgs: historyChannelArgs });
  const client = new Client({ connection: clientConnection, namespace });
  const services = await openStepServices({ ...options, tell: tellRun(client) });
  const optuna = openOptuna(services.log);
  const activities = activityTable(options, manifest, services, client, {
    optuna,
    models: project.models,
    rules: project.rules,
    code: bundle.version,
  });
  const recorder = new RunRecorder({ client, services, project });
  const workers = new Map<string, Worker>();
  const needsGpus = [...manifest.queues.values()].flat().some((step) => needsOf(manifest, step).gpu > 0);
  const machine = await findMachine(options.resources ?? {}, needsGpus);
  const slots = queueSlots(options.queues, manifest, machine, new ResourceBudget(machine));
  for (const [queue, one] of slots) {
    const common = workerOptions(options, queue, one, activities, manifest);
    workers.set(
      queue,
      await Worker.create({
        ...common,
        connection,
        namespace,
        ...(queue === defaultQueue
          ? workflowOptions(options, machine, bundle, recorder, singleFlight({ client, services }))
          : {}),
      }),
    );
  }
  return {
    manifest,
    version: bundle.version,
    health: async () => ({
      state: overall(workers),
      engine: (await answers(clientConnection)) ? 'reachable' : 'unreachable',
      queues: Object.fromEntries(
        [...workers].map(([queue, worker]) => [queue, queueHealth(worker, slots.get(queue)?.count ?? 0)]),
      ),
    }),
    shutdown() {
      for (const worker of workers.values()) if (worker.getState() === 'RUNNING') worker.shutdown();
    },
    async run() {
      warmUp(served(manifest));
      const endWatch = watchMismatches(client, bundle, options.webhook);
      const servesRuns = workers.has(defaultQueue);
      if (servesRuns) recorder.start();
      const { version } = options;
      const endWaking = wakeModels({ client, models: servesRuns ? project.models : [], code: bundle.version, version });
      const endScheduleWatch = servesRuns ? watchSchedules(client, project.projectName) : () => Promise.resolve();
      try {
        await runAll([...workers.values()]);
      } finally {
        endWatch();
        await endWaking();
        await endScheduleWatch();
        for (const implementation of manifest.implementations.values()) await implementation.close?.();
        await optuna.close();
        await recorder.stop();
        await services.close();
        await clientConnection.close();
        // It refuses while a step that was left behind holds it.
        await connection.close().catch(() => undefined);
      }
    },
  };
}

/** The implementations of the steps that come on this worker's queues. */
function served({ queues, implementations }: Manifest): Implementation[] {
  const names = new Set([...queues.values()].flat());
  return [...implementations.values()].filter(({ step }) => names.has(step.name));
}

function checkUrl(option: string, url: string | undefined): void {
  if (url === undefined || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) return;
  throw invalidOption('createWorker', option, url, 'Use an http or https URL.');
}

async function loadProject(path: string): Promise<Project> {
  const loaded = (await import(pathToFileURL(resolve(path)).href)) as { default?: Project };
  if (typeof loaded.default !== 'function' || !Array.isArray(loaded.default.pipelines)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} exports ${show(loaded.default)} as its default.`, {
      value: path,
      remedy: 'Write `export default project({ pipelines: [ … ] })` in it.',
    });
  }
  const named = Object.entries(loaded).find(([name, value]) => name !== 'default' && typeof value === 'function');
  if (named !== undefined) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} exports the function "${named[0]}" beside its default.`, {
      value: named[0],
      remedy: "Export only the default: Temporal would take another export of a pipeline's name for its workflow.",
    });
  }
  return loaded.default;
}

type Activities = NonNullable<TemporalWorkerOptions['activities']>;

function activityTable(
  options: CreateWorkerOptions,
  manifest: Manifest,
  services: StepServices,
  client: Client,
  declared: Pick<BuiltInSettings, 'models' | 'rules' | 'code' | 'optuna'>,
): Activities {
  const steps = [...manifest.implementations.values()].map(
    (one) => [one.step.name, stepActivity(one, services)] as const,
  );
  const { modelServer, objectSources, webhook } = options;
  const { implementations } = manifest;
  const own = builtInActivities({
    client,
    services,
    implementations,
    modelServer,
    objectSources,
    webhook,
    ...declared,
  });
  return { ...Object.fromEntries(steps), ...own } as Activities;
}

function workerOptions(
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

function workflowOptions(
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

/** One worker that fails takes the others down in order, so that a supervisor sees one clear end. */
async function runAll(workers: readonly Worker[]): Promise<void> {
  const stopOthers = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const results = await Promise.allSettled(workers.map((worker) => worker.run().finally(stopOthers)));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    if (!(result.reason instanceof GracefulShutdownPeriodExpiredError)) throw result.reason;
    workerLog.warn('steps that do not heed their cancellation are left behind; their next attempts fence them off');
  }
}

function overall(workers: ReadonlyMap<string, Worker>): string {
  const states = [...new Set([...workers.values()].map((worker) => worker.getState()))];
  return states.length === 1 ? String(states[0]) : 'MIXED';
}

async function answers(connection: Connection): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}));
    return true;
  } catch {
    return false;
  }
}

function queueHealth(worker: Worker, slots: number) {
  const { numInFlightActivities } = worker.getStatus();
  return { state: worker.getState(), runningSteps: numInFlightActivities, slots };
}

function unreachable(address: string, cause: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `No Temporal server answers at ${address}.`, {
    value: address,
    remedy: 'Start one with `npx evertrain dev`, or set TEMPORAL_ADDRESS.',
    cause,
  });
}
