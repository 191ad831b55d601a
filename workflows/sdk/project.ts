import { setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { AssetStart, RuleStart } from './assets/messages.js';
import { assetWorkflowType, ruleWorkflowType } from './assets/messages.js';
import type { AssetRule } from './assets/on-assets.js';
import { runAsset } from './assets/run-asset.js';
import { runRule } from './assets/run-rule.js';
import { chunkRun } from './chunk-run.js';
import type { PipelineDefinition } from './definitions.js';
import { EvertrainError } from './errors.js';
import type { EventRule } from './events/on.js';
import { fanOutWorkflowType } from './fan-out-messages.js';
import { type ModelStart, modelWorkflowType, tickWorkflowType } from './model/messages.js';
import type { ModelDefinition } from './model/model.js';
import { checkName, checkOptions, nearestName } from './options.js';
import { type PoolStart, poolWorkflowType } from './pools/messages.js';
import { checkQueues, type ResourceOptions, resolveQueues } from './resources.js';
import { runModel } from './model/run-model.js';
import { runPool } from './pools/run-pool.js';
import { defined } from './registry.js';
import type { RunOptions } from './run-options.js';
import { backfillWorkflowType } from './schedule/backfill-messages.js';
import { type MissedTimes, missedWorkflowType } from './schedule/messages.js';
import { studyWorkflowType } from './search/messages.js';
import { runWatch, type WatchStart, watchWorkflowType } from './sensors/run-watch.js';
import { runPipeline } from './run-pipeline.js';
import { backfillRun } from './schedule/backfill-run.js';
import { tellMissed } from './schedule/tell-missed.js';
import type { ScheduleDefinition } from './schedule/schedule.js';
import { studyRun } from './search/study-run.js';
import { tick } from './model/tick.js';

/** What a project's workflows/index.ts exports as its default: every pipeline and model that its workers serve. */
export interface Project {
  (...args: unknown[]): Promise<unknown>;
  readonly pipelines: readonly PipelineDefinition[];
  readonly models: readonly ModelDefinition[];
  readonly schedules: readonly ScheduleDefinition[];
  /** What starts runs on news of assets. */
  readonly rules: readonly AssetRule[];
  readonly events: readonly EventRule[];
  /** As given by `project({ name })`. */
  readonly projectName?: string;
}

/**
 * Collects a project's pipelines, models and schedules. The result is Temporal's default workflow: it dispatches on the workflow
 * type, so a pipeline may carry any name. An unknown type fails the workflow task, never the run: during a rolling
 * deploy an old worker must not kill a new pipeline's runs.
 */
export function project(parts: {
  /** Keeps the project's pools and schedules apart from those of other projects in the namespace. */
  readonly name?: string;
  readonly pipelines: readonly PipelineDefinition[];
  readonly models?: readonly ModelDefinition[];
  readonly schedules?: readonly ScheduleDefinition[];
  /** Made by `onAssets`. */
  readonly rules?: readonly AssetRule[];
  /** Rules by which events have effects, made by `on`. */
  readonly events?: readonly EventRule[];
  /**
   * Queues for steps that declare `resources`, with what a worker of each has; in order, from small to large. Cores and
   * memory that are not given are enough for any step; GPUs that are not given are none.
   */
  readonly queues?: Readonly<Record<string, ResourceOptions>>;
}): Project {
  checkOptions('project', parts, ['name', 'pipelines', 'models', 'schedules', 'rules', 'events', 'queues']);
  if (parts.name !== undefined) {
    checkName('project', parts.name);
    defined.projectName = parts.name;
  }
  if (parts.queues !== undefined) defined.queues = resolveQueues(parts.queues);
  checkQueues();
  const models = byName('model', parts.models ?? []);
  // A model's runs are pipelines too.
  const runs = [...models.values()].flatMap((one) => Object.values(one.runs));
  const pipelines = byName('pipeline', [...parts.pipelines, ...runs]);
  checkPools(pipelines.values());
  byName('variable', defined.variables);
  byName('connection', defined.connections);
  const schedules = byName('schedule', parts.schedules ?? []);
  byName('asset', defined.assets);
  const rules = byName('rule', parts.rules ?? []);
  const events = byName('event rule', parts.events ?? []);
  for (const { name, pipeline } of schedules.values()) checkKnown(`schedule "${name}"`, pipelines, pipeline);
  for (const { name, pipeline, model } of rules.values()) {
    if (model === undefined) checkKnown(`rule "${name}"`, pipelines, pipeline);
    else checkKnown(`rule "${name}"`, models, model);
  }
  checkEvents(events.values(), pipelines, models);
  const dispatch = async (...args: unknown[]): Promise<unknown> => {
    const type = workflowInfo().workflowType;
    if (type === modelWorkflowType) {
      const start = args[0] as ModelStart;
      const found = models.get(start.name);
      if (found === undefined) throw unknownHere('model', start.name, [...models.keys()]);
      return runModel(found, start);
    }
    if (type === poolWorkflowType) return runPool(args[0] as PoolStart);
    if (type === assetWorkflowType) return runAsset(args[0] as AssetStart);
    if (type === ruleWorkflowType) return runRule(args[0] as RuleStart);
    if (type === watchWorkflowType) return runWatch(args[0] as WatchStart);
    if (type === tickWorkflowType) return tick(String(args[0]));
    if (type === missedWorkflowType) return tellMissed(args[0] as MissedTimes);
    const options = (args[1] ?? {}) as RunOptions;
    if (type === studyWorkflowType) return runPipeline(studyRun(args), args[0], options);
    if (type === backfillWorkflowType) return runPipeline(backfillRun(args), args[0], options);
    if (type === fanOutWorkflowType) return runPipeline(chunkRun(args), args[0], options);
    const found = pipelines.get(type);
    if (found === undefined) throw unknownHere('pipeline', type, [...pipelines.keys()]);
    return runPipeline(found, args[0], options);
  };
  // A run stays with the code it started on; a model, a pool, an asset and the like live for years and move on with each deployment.
  const behavior = () => (longLived.has(workflowInfo().workflowType) ? 'AUTO_UPGRADE' : 'PINNED');
  // The server refuses every task of a worker without a version that names a behaviour.
  const versioned = () => Boolean(workflowInfo().currentDeploymentVersion?.deploymentName);
  setWorkflowOptions(() => (versioned() ? { versioningBehavior: behavior() } : {}), dispatch);
  Object.defineProperty(dispatch, 'pipelines', { value: [...pipelines.values()] });
  Object.defineProperty(dispatch, 'models', { value: [...models.values()] });
  Object.defineProperty(dispatch, 'schedules', { value: [...schedules.values()] });
  Object.defineProperty(dispatch, 'rules', { value: [...rules.values()] });
  Object.defineProperty(dispatch, 'events', { value: [...events.values()] });
  if (parts.name !== undefined) Object.defineProperty(dispatch, 'projectName', { value: parts.name });
  return dispatch as unknown as Project;
}

const longLived = new Set<string>([
  modelWorkflowType,
  poolWorkflowType,
  watchWorkflowType,
  assetWorkflowType,
  ruleWorkflowType,
]);

/** A step that waits for a pool that is not there would wait for ever. */
function checkPools(pipelines: Iterable<PipelineDefinition>): void {
  const pools = byName('pool', defined.pools);
  const users = [
    ...defined.steps.map(({ name, policy }) => ({ what: `step "${name}"`, pool: policy.pool })),
    ...[...pipelines].map(({ name, defaults }) => ({ what: `pipeline "${name}": defaults`, pool: defaults.pool })),
  ];
  for (const { what, pool } of users) {
    if (pool === undefined || pools.has(pool)) continue;
    const nearest = nearestName(pool, [...pools.keys()]);
    throw new EvertrainError('USER_OPTION_INVALID', `${what}: no pool is named "${pool}".`, {
      value: pool,
      remedy: nearest === undefined ? `Declare it: pool('${pool}', { limit: 2 }).` : `Did you mean "${nearest}"?`,
    });
  }
}

/** Runs of a pipeline that no worker knows would stand still. */
function checkEvents(
  rules: Iterable<EventRule>,
  pipelines: ReadonlyMap<string, PipelineDefinition>,
  models: ReadonlyMap<string, ModelDefinition>,
): void {
  for (const { name, target } of rules) {
    const owner = `event rule "${name}"`;
    if (target.kind === 'run') checkKnown(owner, pipelines, target.pipeline);
    if (target.kind === 'batch') for (const one of target.models.values()) checkKnown(owner, models, one);
  }
}

function checkKnown<T extends PipelineDefinition | ModelDefinition>(
  owner: string,
  known: ReadonlyMap<string, T>,
  one: T,
) {
  if (known.get(one.name) === one) return;
  const [code, where] =
    one.kind === 'model'
      ? (['USER_MODEL_UNKNOWN', 'models'] as const)
      : (['USER_PIPELINE_UNKNOWN', 'pipelines'] as const);
  throw new EvertrainError(code, `${owner}: the project has no ${one.kind} "${one.name}".`, {
    value: one.name,
    remedy: `Name it in \`project({ ${where} })\` too.`,
  });
}

/** A plain error on purpose: see `project`. */
function unknownHere(what: string, name: string, known: string[]): Error {
  const nearest = nearestName(name, known);
  return new Error(
    `This worker knows no ${what} "${name}".${nearest === undefined ? '' : ` Did you mean "${nearest}"?`}`,
  );
}

function byName<T extends { readonly name: string }>(what: string, parts: readonly T[]): Map<string, T> {
  const found = new Map<string, T>();
  for (const part of parts) {
    if (found.has(part.name)) {
      throw new EvertrainError('USER_NAME_DUPLICATE', `project: two ${what}s are named "${part.name}".`, {
        value: part.name,
        remedy: 'Give each its own name.',
      });
    }
    found.set(part.name, part);
  }
  return found;
}
