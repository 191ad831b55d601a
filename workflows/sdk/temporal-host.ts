import {
  ChildWorkflowCancellationType,
  condition,
  isCancellation,
  ParentClosePolicy,
  proxySinks,
  scheduleActivity,
  sleep,
  startChild,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { partitionOf } from './assets/publishes.js';
import { RunPublications } from './assets/run-publications.js';
import { awaitable } from './awaitable.js';
import { CacheLookups } from './cache-lookups.js';
import type { PipelineDefinition, StepDefinition } from './definitions.js';
import { deriveSeed, jsonDigest } from './digest.js';
import { retryTimer } from './light-record.js';
import { type Notice, notice } from './notice.js';
import { memo, type RunSinks, searchAttributes } from './protocol.js';
import type { RunOptions } from './run-options.js';
import type { ApprovalBook, RunHost, RunScope, StartedRun, StepPath, TrialPath } from './run-scope.js';
import { checkRoom } from './history-room.js';
import { outgoing } from './interceptors.js';
import { type LightTry, LightSteps } from './light-steps.js';
import { LocalActivities } from './local-activities.js';
import { checkInput } from './json-size.js';
import { PendingWindow, PlaceInWindow } from './pending-window.js';
import { PoolPlaces } from './pools/pool-places.js';
import { taskPriority } from './priority.js';
import { RecordBudget } from './record-budget.js';
import type { SensorAnswer, SensorRequest } from './sensors/condition.js';
import { waitForSensor } from './sensors/wait-for-sensor.js';
import { stepFailure } from './step-failure.js';
import type { ResumedCall, StepHeader } from './step-header.js';
import { firstDelayOf, retryPolicy, type StepPlan, stepPlan, summaryOf } from './step-plan.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface StepCall {
  readonly scope: RunScope;
  readonly plan: StepPlan;
  readonly input: unknown;
  readonly id: string;
  readonly path: StepPath;
  readonly place: PlaceInWindow;
}

/**
 * Runs a pipeline's calls on Temporal. A step is one activity whose id is the step id and whose header carries what is
 * not its input; a cached step first asks a local activity; everything else that must be seen later is a memo write.
 */
export class TemporalHost implements RunHost {
  readonly signals = new Map<string, unknown[]>();
  readonly approvals: ApprovalBook = new Map();
  private readonly steps = new PendingWindow();
  private readonly children = new PendingWindow();
  /** Of their own: steps must not wait for what may take days. */
  private readonly sensors = new PendingWindow();
  private readonly records = new RecordBudget();
  private readonly local = new LocalActivities();
  private readonly cache = new CacheLookups(this.local);
  private readonly light = new LightSteps(this.local);
  readonly pools = new PoolPlaces();
  readonly publications = new RunPublications();
  private readonly plans = new Map<StepDefinition, StepPlan>();
  /** Calls that another run has made in our stead, by id: their checkpoints are there. */
  private readonly sources = new Map<string, ResumedCall>();
  private readonly childRuns = new Map<string, string>();
  /** Cache keys of calls that looked there in vain, by id. */
  private readonly misses = new Map<string, string>();

  step(scope: RunScope, definition: StepDefinition, input: unknown, id: string, path: StepPath): Promise<unknown> {
    const place = new PlaceInWindow(checkInput(id, input));
    const recorded = this.handedOver(scope, definition.name, input, id);
    if (recorded !== undefined) return Promise.resolve(recorded.output);
    const plan = this.planOf(scope, definition);
    const published = this.publisher(scope, definition, input, id);
    scope.progress.set(id, 'queued');
    const call: StepCall = { scope, plan, input, id, path, place };
    const run = plan.policy.cache && scope.options.fresh !== true ? this.cachedStep(call) : this.begin(call);
    // `awaitable` would cost each step one more promise, and a promise costs a run a stack trace.
    const answer: Promise<unknown> = run.then(
      (output) => {
        this.steps.leave(place);
        this.ended(id, true);
        if (scope.progress.get(id) === 'queued') scope.progress.set(id, 'completed');
        published?.(output);
        if (scope.rejected === undefined) return output;
        void awaitable(answer);
        throw scope.rejected;
      },
      (error) => {
        void awaitable(answer);
        this.steps.leave(place);
        this.ended(id, false);
        scope.progress.set(id, 'failed');
        throw scope.rejected ?? stepFailure(error, id);
      },
    );
    return answer;
  }

  /** Throws before the step begins where it would publish nothing that can be named. */
  private publisher(scope: RunScope, definition: StepDefinition, input: unknown, stepId: string) {
    const { name, publishes } = definition;
    if (publishes === undefined) return undefined;
    const { planned } = scope.options;
    const partition = partitionOf(name, publishes, input, planned);
    const { asset } = publishes;
    return (output: unknown) => {
      const isCached = scope.progress.get(stepId) === 'cached';
      const pipeline = pipelineIn(scope);
      this.publications.publish({ asset, partition, stepId, output, isCached, planned, pipeline });
    };
  }

  private planOf(scope: RunScope, definition: StepDefinition): StepPlan {
    let plan = this.plans.get(definition);
    if (plan === undefined) {
      plan = stepPlan(scope, definition);
      this.plans.set(definition, plan);
    }
    return plan;
  }

  /** What an earlier run recorded for this very call, when this run repeats it from a later step on. */
  private handedOver(scope: RunScope, name: string, input: unknown, id: string) {
    const recorded = scope.options.rerun?.recorded[id];
    if (recorded === undefined || recorded.inputDigest !== jsonDigest(input)) return undefined;
    scope.progress.set(id, 'reused');
    this.sources.set(id, { stepId: id, ...(recorded.from ?? scope.options.rerun?.of) });
    this.record(memo.reused, { stepId: id, step: name });
    return recorded;
  }

  private async cachedStep(call: StepCall): Promise<unknown> {
    const { scope, input, id } = call;
    const { definition, policy } = call.plan;
    const question = { step: definition.name, stepId: id, input, cache: policy.cache };
    const unlessCancelled = (error: unknown) => {
      if (isCancellation(error)) throw error;
      return undefined;
    };
    let found = await this.cache.ask(question).catch(unlessCancelled);
    if (found?.hit === false && found.busy !== undefined) {
      found = await this.cache.askAfter(found.busy, found.key, question).catch(unlessCancelled);
    }
    if (found?.hit) {
      scope.progress.set(id, 'cached');
      this.sources.set(id, found.source);
      return found.output;
    }
    if (found !== undefined && found.key !== '') this.misses.set(id, found.key);
    return this.begin(call);
  }

  /** The worker is told, for the calls that wait for the result of this one: it costs no event. */
  private ended(id: string, isDone: boolean): void {
    const key = this.misses.get(id);
    if (key === undefined) return;
    this.misses.delete(id);
    proxySinks<RunSinks>().evertrain.missEnded({ key, stepId: id, isDone });
  }

  private begin(call: StepCall): Promise<unknown> {
    return call.plan.policy.light ? this.lightStep(call) : this.schedule(call);
  }

  private schedule(call: StepCall, tried?: LightTry): Promise<unknown> {
    const { scope, plan, input, id, place } = call;
    const options = Object.assign({ activityId: id, summary: summaryOf(plan, id) }, plan.options);
    const header = this.headerOf(call);
    if (tried !== undefined) {
      header.triedLight = true;
      if (tried.outcome === 'failed') options.retry = retryPolicy(plan.policy, 1);
    }
    const args = input === undefined ? [] : [input];
    const run = () =>
      this.steps.run(place, (delayedSince) => {
        checkRoom(id);
        if (delayedSince !== undefined) header.calledAt = delayedSince;
        outgoing.header = header;
        return scheduleActivity<unknown>(plan.definition.name, args, options);
      });
    if (plan.pool === undefined) return run();
    checkRoom(id);
    const priority = scope.options.priority ?? plan.policy.priority ?? 3;
    return this.pools.hold(plan.pool, { stepId: id, priority }, pipelineIn(scope), run);
  }

  private headerOf({ scope, plan, id, path }: StepCall): Mutable<StepHeader> {
    const header: Mutable<StepHeader> = Object.assign({ seed: seedOf(scope, id, path.trial) }, plan.header);
    if (path.groups.length > 0) header.groups = path.groups;
    const resumes = this.resumesOf(scope, id, path.trial);
    if (resumes.length > 0) header.resumes = resumes;
    if (path.trial?.reports !== undefined) header.reports = path.trial.reports;
    return header;
  }

  private async lightStep(call: StepCall): Promise<unknown> {
    const { plan, input, id } = call;
    const { definition, policy } = plan;
    const args = input === undefined ? [] : [input];
    const header = this.headerOf(call);
    const tried = await this.light.try({
      id,
      name: definition.name,
      args,
      summary: summaryOf(plan, id),
      header,
      policy,
    });
    if (tried.outcome === 'completed') return tried.output;
    // Also after a time-out: a run that was cancelled meanwhile hears of it first, and does not begin the step again.
    await sleep(tried.outcome === 'failed' ? firstDelayOf(policy) : 1, { summary: retryTimer });
    return this.schedule(call, tried);
  }

  /** The same calls in earlier calls of the trial at hand, or in earlier runs of a trial that is a run. */
  private resumesOf(scope: RunScope, id: string, trial: TrialPath | undefined): readonly ResumedCall[] {
    if (trial === undefined) return (scope.options.resumes ?? []).map((run) => ({ stepId: id, ...run }));
    const { runId: here } = workflowInfo();
    return trial.resumes.map(({ prefix, runId }) => {
      const stepId = prefix + id.slice(trial.prefix.length);
      return this.sources.get(stepId) ?? { stepId, ...(runId === undefined || runId === here ? {} : { runId }) };
    });
  }

  async child(
    scope: RunScope,
    pipeline: PipelineDefinition,
    input: unknown,
    id: string,
    { trial }: StepPath,
    own?: Pick<RunOptions, 'seed' | 'atMost'>,
  ): Promise<unknown> {
    const place = new PlaceInWindow(checkInput(id, input));
    const recorded = this.handedOver(scope, pipeline.name, input, id);
    if (recorded !== undefined) return recorded.output;
    const { workflowId } = workflowInfo();
    const resumes = (trial?.resumes ?? []).flatMap(({ prefix }) => {
      const before = prefix + id.slice((trial as TrialPath).prefix.length);
      const runId = this.childRuns.get(before);
      return runId === undefined ? [] : [{ workflowId: `${workflowId}/${before}`, runId }];
    });
    const options = {
      seed: seedOf(scope, id, trial),
      ...inheritedBy(scope),
      ...(resumes.length === 0 ? {} : { resumes }),
      ...own,
    };
    try {
      return await this.children.run(place, async () => {
        checkRoom(id);
        const run = await startChild(pipeline.name, {
          workflowId: `${workflowId}/${id}`,
          args: [input, options],
          ...labelsOf(scope, pipeline),
        });
        if (trial !== undefined) this.childRuns.set(id, run.firstExecutionRunId);
        return run.result();
      });
    } catch (error) {
      throw scope.rejected ?? stepFailure(error, id);
    } finally {
      this.children.leave(place);
    }
  }

  async start(
    scope: RunScope,
    pipeline: PipelineDefinition,
    input: unknown,
    id: string,
    given: string | undefined,
  ): Promise<StartedRun> {
    const place = new PlaceInWindow(checkInput(id, input));
    const recorded = this.handedOver(scope, pipeline.name, input, given ?? id);
    if (recorded !== undefined) return recorded.output as StartedRun;
    const workflowId = given ?? `${workflowInfo().workflowId}/${id}`;
    try {
      const { firstExecutionRunId: runId } = await this.children.run(place, () => {
        checkRoom(id);
        return startChild(pipeline.name, {
          workflowId,
          args: [input, { seed: seedOf(scope, id, undefined), ...inheritedBy(scope) }],
          parentClosePolicy: ParentClosePolicy.ABANDON,
          cancellationType: ChildWorkflowCancellationType.ABANDON,
          ...(given === undefined ? {} : { workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const }),
          ...labelsOf(scope, pipeline),
        });
      });
      return { workflowId, runId, isNew: true };
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) return { workflowId, isNew: false };
      throw scope.rejected ?? stepFailure(error, id);
    } finally {
      this.children.leave(place);
    }
  }

  sensor(scope: RunScope, request: SensorRequest, id: string): Promise<unknown> {
    const recorded = this.handedOver(scope, request.name, request, id);
    if (recorded !== undefined) return Promise.resolve(factsOf(recorded.output as SensorAnswer));
    const place = new PlaceInWindow(checkInput(id, request));
    scope.progress.set(id, 'waiting');
    const waiting = this.sensors.run(place, () => waitForSensor(request, id));
    // As with steps, each promise more would cost.
    const found: Promise<unknown> = waiting.then(
      (answer) => {
        this.sensors.leave(place);
        scope.progress.set(id, 'completed');
        if (scope.rejected === undefined) return factsOf(answer);
        void awaitable(found);
        throw scope.rejected;
      },
      (error) => {
        void awaitable(found);
        this.sensors.leave(place);
        scope.progress.set(id, 'failed');
        throw scope.rejected ?? stepFailure(error, id);
      },
    );
    return found;
  }

  async builtIn(type: string, argument: unknown, summary: string): Promise<unknown> {
    checkRoom(summary);
    try {
      return await scheduleActivity(type, [argument], {
        startToCloseTimeout: 1_800_000,
        heartbeatTimeout: 10_000,
        retry: { maximumAttempts: 10, maximumInterval: 30_000 },
        summary,
      });
    } catch (error) {
      throw stepFailure(error, summary);
    }
  }

  record(key: string, value: object, aside?: object): void {
    this.records.spend(value);
    upsertMemo({ [key]: { ...value, ...aside } });
  }

  async wait(ready: () => boolean, withinMs?: number): Promise<boolean> {
    if (withinMs === undefined) {
      await condition(ready);
      return true;
    }
    return condition(ready, withinMs);
  }

  now(): number {
    return Date.now();
  }

  waitingFor(labels: readonly string[]): void {
    const key = { name: searchAttributes.waitingFor.name, type: searchAttributes.waitingFor.type } as const;
    upsertSearchAttributes([{ key, value: labels.length === 0 ? null : [...labels] }]);
  }

  notify(scope: RunScope, kind: Notice['kind'], message: string, facts: unknown): void {
    this.records.spend(facts);
    notice({ kind, pipeline: scope.pipeline.name, message, ...(facts === undefined ? {} : { facts }) }).catch(
      () => undefined,
    );
  }
}

/** What a run hands on to those that it starts. */
function inheritedBy({ options: { fresh, priority, planned } }: RunScope): Partial<RunOptions> {
  return {
    ...(fresh === true ? { fresh } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(planned === undefined ? {} : { planned }),
  };
}

/** How the engine lists a run that this one starts, and what of its queue it gets. */
function labelsOf({ options }: RunScope, { name, description }: PipelineDefinition) {
  const key = { name: searchAttributes.pipeline.name, type: 'KEYWORD' } as const;
  return {
    typedSearchAttributes: [{ key, value: name }],
    staticSummary: description ?? name,
    priority: taskPriority(name, options.priority),
  };
}

/** In a chunk of a fan-out, the one that it is of. */
function pipelineIn(scope: RunScope): string {
  return workflowInfo().priority?.fairnessKey ?? scope.pipeline.name;
}

/** All calls of a trial have the seed of its first one. */
function seedOf(scope: RunScope, id: string, trial: TrialPath | undefined): number {
  const of = trial === undefined ? id : trial.seedPrefix + id.slice(trial.prefix.length);
  return deriveSeed(scope.options.seed ?? 0, of);
}

function factsOf(answer: SensorAnswer): unknown {
  return answer.met ? answer.facts : undefined;
}
