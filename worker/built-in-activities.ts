import { Context } from '@temporalio/activity';
import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { deployToServer } from '../activities/deployment/deploy-to-server.js';
import { askModelServer } from '../activities/deployment/model-server.js';
import { watchRollout } from '../activities/deployment/watch-rollout.js';
import { sendWebhook } from '../activities/notification/send-webhook.js';
import { knownStudy } from '../activities/search/known-study.js';
import { wholeStudy } from '../activities/search/whole-study.js';
import type { Optuna } from '../activities/search/optuna.js';
import { writeStudy } from '../activities/search/write-study.js';
import { stepCache } from '../activities/sdk/cache/step-cache.js';
import type { Implementation } from '../activities/sdk/implementation.js';
import type { StepServices } from '../activities/sdk/services.js';
import { outsideLooks } from '../activities/sensors/looks.js';
import type { ObjectSource } from '../activities/sensors/object-source.js';
import { sensorActivity } from '../activities/sensors/sensor-activity.js';
import { keepText, keptText } from '../activities/sdk/kept-text.js';
import { keyOf, lightBatch, stepActivity } from '../activities/sdk/step-activity.js';
import { profileVariables } from '../activities/sdk/profile-variables.js';
import { variableReader } from '../activities/sdk/variables.js';
import { asApplicationFailure } from '../activities/sdk/failure.js';
import type { Artifact } from '../workflows/sdk/artifact.js';
import type { RuleQuestion } from '../workflows/sdk/assets/messages.js';
import type { AssetRule } from '../workflows/sdk/assets/on-assets.js';
import type { CacheLookup, CachePolicy, CacheWait } from '../workflows/sdk/cache-messages.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { ArchiveRequest, RecallRequest } from '../workflows/sdk/model/archive.js';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import type { WindowRequest } from '../workflows/sdk/model/drift-check.js';
import type { ModelSchedule } from '../workflows/sdk/model/messages.js';
import type { DeclaredModel, OpenRun } from '../workflows/sdk/model/model-state.js';
import type { ModelDefinition } from '../workflows/sdk/model/model.js';
import type { WatchRequest } from '../workflows/sdk/model/rollout-watch.js';
import type { Notice } from '../workflows/sdk/notice.js';
import type { PoolRun } from '../workflows/sdk/pools/messages.js';
import { builtIn, notYet, type RunOutcome } from '../workflows/sdk/protocol.js';
import type { SensorRequest } from '../workflows/sdk/sensors/condition.js';
import type { SuggestRequest } from '../workflows/sdk/search/suggest.js';
import { recallBatches, writeArchive } from './model-archive.js';
import type { StudyToWrite } from '../workflows/sdk/search/study-record.js';
import { keepSchedule } from './model-schedule.js';
import { ruleInput } from './rule-input.js';
import { runLook } from './run-look.js';
import { singleFlight } from './single-flight.js';

export interface BuiltInSettings {
  readonly client: Client;
  readonly services: StepServices;
  readonly optuna: Optuna;
  readonly implementations: ReadonlyMap<string, Implementation>;
  readonly models: readonly ModelDefinition[];
  readonly rules: readonly AssetRule[];
  /** Version of the worker's bundle. */
  readonly code: string;
  /** Where promoted versions are put; without one a promotion fails with a clear word. */
  readonly modelServer?: string | undefined;
  readonly objectSources?: readonly ObjectSource[] | undefined;
  /** Called when a run fails or waits for a person. */
  readonly webhook?: string | undefined;
}

/** Evertrain's own activities, beside the project's steps, on every worker that runs workflows. */
export function builtInActivities(settings: BuiltInSettings): Record<string, (argument: never) => Promise<unknown>> {
  const coded =
    <A, R>(run: (argument: A) => Promise<R>) =>
    (argument: A) =>
      beating(() => run(argument)).catch((error: unknown) => {
        throw asApplicationFailure(error, 'a built-in activity');
      });
  const sense = sensorActivity({
    ...outsideLooks(settings.services.store, settings.objectSources),
    run: (condition) => runLook(settings.client, condition),
  });
  return {
    [builtIn.sensor]: (request: SensorRequest) => beating(() => sense(request)),
    [builtIn.cacheLookup]: (question: CacheQuestion) => lookup(settings, question),
    [builtIn.lightSteps]: lightBatch(settings.implementations, settings.services),
    [builtIn.nothing]: () => Promise.resolve(),
    [builtIn.cacheWait]: (wait: CacheWait) => singleFlight(settings).wait(wait),
    [builtIn.notify]: coded(async (notice: Notice) => {
      if (settings.webhook === undefined) return 'no webhook is configured';
      const { info, cancellationSignal } = Context.current();
      return sendWebhook(settings.webhook, notice, { activityId: info.activityId, signal: cancellationSignal });
    }),
    [builtIn.runOutcome]: coded((run: OpenRun) => runOutcome(settings.client, run)),
    [builtIn.closedRuns]: coded((runs: readonly RunOrigin[]) => closedRuns(settings.client, runs)),
    [builtIn.ruleInput]: coded(async (question: RuleQuestion) => ruleInput(settings.rules, question)),
    [builtIn.schedule]: coded((schedule: ModelSchedule) => keepSchedule(settings.client, schedule)),
    [builtIn.archive]: coded((request: ArchiveRequest) => writeArchive(settings.services, request)),
    [builtIn.recall]: coded((request: RecallRequest) => recallBatches(settings.services, request)),
    [builtIn.suggest]: coded((request: SuggestRequest) =>
      settings.optuna.suggest(request, Context.current().cancellationSignal),
    ),
    [builtIn.study]: coded(async (study: StudyToWrite) =>
      writeStudy(settings.services, settings.optuna, await wholeStudy(settings.services.store, study)),
    ),
    [builtIn.knownTrials]: coded((artifact: Artifact) => knownStudy(settings.services.store, artifact)),
    [builtIn.keepText]: coded((text: string) => keepText(settings.services.store, text)),
    [builtIn.keptText]: coded((piece: Artifact) => keptText(settings.services.store, piece)),
    [builtIn.variable]: stepActivity(variableReader(settings.services.journal, profileVariables()), settings.services),
    [builtIn.declaredModel]: (name: string) => Promise.resolve(declared(settings, name)),
    [builtIn.deploy]: coded(async (deployment: Deployment) => {
      const address = modelServer(settings, deployment.model);
      return deployToServer(address, deployment, Context.current().cancellationSignal);
    }),
    [builtIn.window]: coded(async ({ model, ...asked }: WindowRequest) => {
      const body = { ...asked, since: isoTime(asked.since), until: isoTime(asked.until) };
      const signal = Context.current().cancellationSignal;
      return askModelServer(modelServer(settings, model), model, '/window', { method: 'POST', body, signal });
    }),
    [builtIn.watch]: async (request: WatchRequest) => {
      const answer = await coded(async (one: WatchRequest) => {
        const signal = Context.current().cancellationSignal;
        return watchRollout(modelServer(settings, one.model), one, { now: Date.now(), signal });
      })(request);
      if (answer.ended !== undefined) return answer;
      const { until, lookEveryMs } = request;
      const nextRetryDelay = Math.max(1, Math.min(lookEveryMs, until > Date.now() ? until - Date.now() : lookEveryMs));
      // For those who look at the rollout meanwhile.
      const details = [answer.facts];
      throw ApplicationFailure.create({ message: 'all is well so far', type: notYet, nextRetryDelay, details });
    },
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

function modelServer({ modelServer: address }: BuiltInSettings, model: string): string {
  if (address !== undefined) return address;
  throw new EvertrainError('SYSTEM_DEPLOY_FAILED', `No model server is configured for "${model}".`, {
    remedy: 'Set EVERTRAIN_MODEL_SERVER on the worker, or declare the model with `serve: false`.',
  });
}

/** Heartbeats, so that the death of its worker is noticed as soon as a step's. */
async function beating<R>(run: () => Promise<R>): Promise<R> {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 2_000);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}

interface CacheQuestion {
  readonly step: string;
  readonly stepId: string;
  readonly input: unknown;
  readonly cache: CachePolicy;
}

/** The engine refuses a marker above 2 MB. A larger hit leaves its input out, so that a view does not show it. */
const maxHitBytes = 1_900_000;

/** A worker that does not know the step's code cannot know its key: a miss. Another miss claims the key. */
async function lookup(settings: BuiltInSettings, question: CacheQuestion): Promise<CacheLookup> {
  const { implementations, services } = settings;
  const { step, stepId, input, cache } = question;
  const implementation = implementations.get(step);
  if (implementation === undefined) return { hit: false, stepId, key: '' };
  const key = await keyOf(implementation, input, cache.version);
  const { workflowExecution: run } = Context.current().info;
  const lookUp = () => stepCache(services).lookup(key, cache.maxAgeMs);
  const found = run === undefined ? await lookUp() : await singleFlight(settings).find(key, { ...run, stepId }, lookUp);
  if (found === undefined) return { hit: false, stepId, key };
  if ('at' in found) return { hit: false, stepId, key, busy: found };
  const { output, source } = found;
  const bytes = Buffer.byteLength(JSON.stringify([input, output]));
  return { hit: true, stepId, step, ...(bytes > maxHitBytes ? {} : { input: input ?? null }), key, output, source };
}

function declared({ models, code }: BuiltInSettings, name: string): DeclaredModel | null {
  const found = models.find((one) => one.name === name);
  return found === undefined ? null : { policy: found.policy, code };
}

async function runOutcome(client: Client, { trigger, workflowId }: OpenRun): Promise<RunOutcome | null> {
  const handle = client.workflow.getHandle(workflowId);
  const ended = (runId: string, result: RunOutcome['result']) => ({ trigger, workflowId, runId, result });
  try {
    const { runId, status } = await handle.describe();
    if (status.name === 'RUNNING') return null;
    return ended(
      runId,
      await handle.result().then(
        (result) => result as RunOutcome['result'],
        (error: unknown) => failureOf(error),
      ),
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    return ended('', { outcome: 'failed', code: 'SYSTEM_FAILED', message: `There is no run "${workflowId}".` });
  }
}

type RunOrigin = Pick<PoolRun, 'workflowId' | 'firstRunId'>;

/** Another run of the same id is not the one that is meant. */
async function closedRuns(client: Client, runs: readonly RunOrigin[]): Promise<RunOrigin[]> {
  const closed: RunOrigin[] = [];
  for (const run of runs) {
    try {
      const { status, raw } = await client.workflow.getHandle(run.workflowId).describe();
      const firstRunId = raw.workflowExecutionInfo?.firstRunId;
      if (status.name !== 'RUNNING' || firstRunId !== run.firstRunId) closed.push(run);
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      closed.push(run);
    }
  }
  return closed;
}

function failureOf(error: unknown): RunOutcome['result'] {
  if (!(error instanceof WorkflowFailedError)) throw error;
  const cause = error.cause;
  const code = cause instanceof ApplicationFailure ? (cause.type ?? 'SYSTEM_FAILED') : 'SYSTEM_FAILED';
  return { outcome: 'failed', code, message: cause?.message ?? error.message };
}
