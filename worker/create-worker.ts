import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Client, Connection } from '@temporalio/client';
import { GracefulShutdownPeriodExpiredError, NativeConnection, Worker } from '@temporalio/worker';
import type { Implementation } from '../activities/sdk/implementation.js';
import type { StepServices } from '../activities/sdk/services.js';
import { checkProfileVariables, profileVariables } from '../activities/sdk/profile-variables.js';
import { missingSecrets, unsetSecrets } from '../activities/sdk/secrets.js';
import { stepActivity } from '../activities/sdk/step-activity.js';
import { historyChannelArgs } from '../client/history/fetch.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { checkOptions, invalidOption } from '../workflows/sdk/options.js';
import type { Project } from '../workflows/sdk/project.js';
import { defaultQueue } from '../workflows/sdk/protocol.js';
import { defined } from '../workflows/sdk/registry.js';
import { type BuiltInSettings, builtInActivities } from './built-in-activities.js';
import { type Bundle, loadBundleOf } from './bundle.js';
import { cachedBundle } from './bundle-cache.js';
import { loadProject } from './load-project.js';
import { workerLog } from './log.js';
import { checkManifest, type Manifest } from './manifest.js';
import { neededSecrets } from './needed-secrets.js';
import { openOptuna } from './open-optuna.js';
import { findMachine } from './resources/machine.js';
import { needsOf, queueSlots } from './resources/queue-slots.js';
import { ResourceBudget } from './resources/resource-budget.js';
import { RunRecorder } from './run-recorder.js';
import { singleFlight } from './single-flight.js';
import { openStepServices } from './step-services.js';
import { tellRun } from './tell-run.js';
import { type Activities, workerOptions, workflowOptions } from './temporal-options.js';
import { wakeModels } from './wake-models.js';
import { warmUp } from './warm-up.js';
import { watchSchedules } from './watch-schedules.js';
import { watchMismatches } from './watch-mismatches.js';
import { healthOf, type WorkerHealth } from './worker-health.js';
import { type CreateWorkerOptions, optionNames } from './worker-options.js';

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
  await checkSecrets(manifest, project, serves(defaultQueue));
  const namespace = options.namespace ?? 'default';
  const settings = {
    address: options.address,
    ...(options.tls === undefined || options.tls === null ? {} : { tls: options.tls }),
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
  };
  const bundle = await bundleOf(options);
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
    health: () => healthOf(workers, slots, clientConnection),
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

/** A worker that serves no runs needs the secrets of its own steps only. */
async function checkSecrets(manifest: Manifest, { events }: Project, servesRuns: boolean): Promise<void> {
  const secretsOf = (all: Iterable<Implementation>) =>
    [...all].flatMap(({ secrets = [] }) => secrets.map(({ secret }) => secret));
  const ofSteps = secretsOf(manifest.implementations.values());
  const unset = await unsetSecrets(neededSecrets({ ...defined, ofSteps, events }));
  const own = secretsOf(served(manifest));
  const missing = servesRuns ? unset : unset.filter((name) => own.includes(name));
  if (missing.length > 0) throw missingSecrets(missing);
}

/** The implementations of the steps that come on this worker's queues. */
function served({ queues, implementations }: Manifest): Implementation[] {
  const names = new Set([...queues.values()].flat());
  return [...implementations.values()].filter(({ step }) => names.has(step.name));
}

async function bundleOf({ bundle, workflows }: CreateWorkerOptions): Promise<Bundle> {
  if (bundle === undefined) return cachedBundle(resolve(workflows));
  return typeof bundle === 'string' ? loadBundleOf(bundle, workflows) : bundle;
}

function checkUrl(option: string, url: string | undefined): void {
  if (url === undefined || (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) return;
  throw invalidOption('createWorker', option, url, 'Use an http or https URL.');
}

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

function unreachable(address: string, cause: unknown): EvertrainError {
  return new EvertrainError('SYSTEM_ENGINE_UNREACHABLE', `No Temporal server answers at ${address}.`, {
    value: address,
    remedy: 'Start one with `npx evertrain dev`, or set TEMPORAL_ADDRESS.',
    cause,
  });
}
