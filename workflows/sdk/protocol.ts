/**
 * The names and shapes that the workflow side, the workers and the clients agree on. They are written into event
 * histories, so once a version is published a change here needs `patched`.
 */

import type { Artifact } from './artifact.js';
import type { StartedOn } from './assets/messages.js';
import type { DataState, KnownBatch } from './model/data.js';
import type { DriftReport } from './model/drift.js';
import type { ModelPolicy } from './model/policy.js';
import type { LiveMetric, RolloutGuards } from './model/rollout-guards.js';
import type { ComparisonFacts } from './model/runs.js';
import type { Priority } from './priority.js';
import type { Timing } from './schedule/timing.js';

/** Task queue of runs and of steps that name no other queue. */
export const defaultQueue = 'evertrain';

/** Activity header (JSON) on every step; see `StepHeader`. */
export const stepHeader = 'evertrain-step';

/**
 * What travels with each step's activity, beside its input. The activity type is the step name; the activity id the step
 * id, unique in the run: `<scope>/<step name>` and `#n` from the second call on; scopes are groups and fan-out items, for
 * example `sources[1]/data.ingest`.
 */
export interface StepHeader {
  /** Groups around the step, outermost first. */
  readonly groups?: readonly string[];
  /** 32-bit seed derived from the run's seed and the step id. */
  readonly seed: number;
  /** Fails the attempt when it reports no progress, metric or checkpoint for so long. */
  readonly progressWithinMs?: number;
  /** Present when the step caches its output: lets the worker store it under the same key rules. */
  readonly cache?: CachePolicy;
  /** History length at which user code called the step, when the pending window delayed its scheduling. */
  readonly calledAt?: number;
  /** Calls whose checkpoint this one goes on from while it has none of its own, newest first (trials of a study). */
  readonly resumes?: readonly ResumedCall[];
  /** A metric that the run is told while the step is at work: signal `TrialReport` at each. */
  readonly reports?: string;
  /** Present while the step runs as a local activity, whose own id is a number; see `LightRecord`. */
  readonly light?: {
    readonly stepId: string;
    /** What the policy says beyond the codes that are final anyway. */
    readonly finalCodes?: readonly string[];
    readonly isOnlyTry?: true;
  };
  /** The call had its first attempt as a local activity. */
  readonly triedLight?: true;
}

/**
 * What a local activity's marker would not tell of a light step. It travels with the output (`LightAnswer`), and is the
 * last detail of a failure or cancellation.
 */
export interface LightRecord {
  readonly stepId: string;
  readonly seed: number;
  readonly durationMs: number;
  /** Left out where it is large. */
  readonly input?: unknown;
}

export interface LightAnswer {
  readonly light: LightRecord;
  readonly output?: unknown;
}

/** A call of a step, by default in the same run. */
export interface ResumedCall {
  readonly stepId: string;
  readonly workflowId?: string;
  readonly runId?: string;
}

export interface TrialReport {
  readonly stepId: string;
  /** Epoch or iteration, as the step said it. */
  readonly at: number;
  readonly value: number;
}

export interface CachePolicy {
  readonly version?: string;
  readonly maxAgeMs?: number;
}

/** Second start argument of a pipeline run (the first is the pipeline's input). */
export interface RunOptions {
  /** Seed from which every step's seed is derived; default 0. */
  readonly seed?: number;
  /** What reproduces the run, gathered by the client: commit, dirty diff, lock files, packages, platform. */
  readonly provenance?: Provenance;
  /** The batches that a model's data led to this training with, oldest first. */
  readonly window?: readonly KnownBatch[];
  /** Set when a model started the run: the outcome is signalled to this workflow id. */
  readonly reportTo?: { readonly workflowId: string; readonly trigger: string };
  /** Set by `rerun --from`: recorded outputs handed over. */
  readonly rerun?: Rerun;
  /** Earlier runs whose steps' checkpoints those of the same id go on from, newest first (trials of a study). */
  readonly resumes?: readonly { readonly workflowId: string; readonly runId: string }[];
  /** Asks the step cache for nothing: every step that is not handed over runs. */
  readonly fresh?: boolean;
  /** Of the run's steps, whatever they declare: in their queues and pools. */
  readonly priority?: Priority;
  /** Of a chunk of a fan-out: most items at work in it at once. */
  readonly atMost?: number;
  /** Set in a replay only, which asks where the code calls what; see trace.ts. */
  readonly trace?: true;
  /** What planned the run, or the date that it was given. */
  readonly planned?: Planned;
  /** The rule that started the run, and the news of assets that it did so on. */
  readonly startedOn?: StartedOn;
}

/** Times are ISO 8601. */
export interface Planned {
  /** By name. */
  readonly schedule?: string;
  /** Of the schedule's project. */
  readonly project?: string;
  /** The interval follows from it. */
  readonly timing?: Timing;
  /** The logical date; absent where the engine says it: in a search attribute of the run. */
  readonly date?: string;
  readonly interval?: { readonly start: string; readonly end: string };
}

/** By id of the step or child run: what it answered, and to which input. A call with another input is made anew. */
export type Recorded = Readonly<Record<string, RecordedCall>>;

interface RecordedCall {
  readonly inputDigest: string;
  readonly output: unknown;
  /** The run that made the call, where it was handed over to the repeated run already. */
  readonly from?: { readonly workflowId: string; readonly runId: string };
}

export interface Rerun {
  readonly of: { readonly workflowId: string; readonly runId: string };
  readonly from: string;
  readonly recorded: Recorded;
  /** Answers kept on purpose (`--keep-approvals`), by approval id. */
  readonly approvals?: Readonly<Record<string, unknown>>;
}

export interface Provenance {
  readonly commit?: string;
  /** SHA-256 of `git diff HEAD`, absent when clean. */
  readonly dirtyDiffSha256?: string;
  /** The diff itself when it is at most 64 KiB. */
  readonly dirtyDiff?: string;
  /** Lock file name → SHA-256. */
  readonly lockFiles: Readonly<Record<string, string>>;
  readonly node: string;
  readonly python?: string;
  /** Python package → version. */
  readonly pythonPackages?: Readonly<Record<string, string>>;
  readonly platform: string;
  readonly evertrain: string;
}

/** Memo keys that a run writes; each write is one history event, the last one is what `describe()` shows. */
export const memo = {
  /** The last gate: `GateRecord`. */
  gate: 'evertrain.gate',
  /** Approvals asked and settled: `ApprovalRecord`. */
  approval: 'evertrain.approval',
  /** The output of a step or child run, handed over by `rerun`: `{ stepId, step }`. */
  reused: 'evertrain.reused',
  /** Of a model: version of the bundle that it began its present execution on. */
  code: 'evertrain.code',
  /** Of a study, each in turn: `StudyRecord`. */
  study: 'evertrain.study',
  /** A fan-out whose items are at work in runs of their own: `FanOutRecord`. */
  fanOut: 'evertrain.fan-out',
} as const;

export interface FanOutRecord {
  /** Its id, with the groups around it. */
  readonly fanOut: string;
  readonly items: number;
}

/** How far a chunk of a fan-out is. */
export interface ItemsReport {
  readonly fanOut: string;
  /** The chunk's first item. */
  readonly from: number;
  /** Items of it that have ended, failed ones included. */
  readonly ended: number;
  readonly failed: number;
}

export interface GateRecord {
  readonly name: string;
  readonly passed: boolean;
  readonly facts?: unknown;
}

export interface ApprovalRecord {
  /** Approval name, `#n` from the second of that name on. */
  readonly id: string;
  readonly name: string;
  readonly state: 'waiting' | 'answered' | 'timed-out' | 'kept';
  readonly facts?: unknown;
  readonly deadlineMs?: number;
  readonly answer?: unknown;
  /** Who answered, as the client said. */
  readonly actor?: string;
}

/** Search attributes that provisioning registers. */
export const searchAttributes = {
  pipeline: { name: 'EvertrainPipeline', type: 'KEYWORD' },
  model: { name: 'EvertrainModel', type: 'KEYWORD' },
  /** completed · rejected · failed · cancelled */
  outcome: { name: 'EvertrainOutcome', type: 'KEYWORD' },
  /** What an open run waits for a person to do, e.g. `approval:ship it?`. */
  waitingFor: { name: 'EvertrainWaitingFor', type: 'KEYWORD_LIST' },
} as const;

/** The engine's own, on runs that a schedule starts: the fire time, without jitter. */
export const fireTimeAttribute = 'TemporalScheduledStartTime';

/** Updates, signals and queries of a run. */
export const runMessages = {
  /** Update: answer an approval; argument `ApprovalAnswer`. Its validator refuses synchronously. */
  approve: 'evertrain.approve',
  /** Query: open approvals as `ApprovalRecord[]`. */
  approvals: 'evertrain.approvals',
  /** Signal `TrialReport` from a worker. */
  report: 'evertrain.report',
  /** Signal `PoolGrant` from a pool. */
  granted: 'evertrain.pool.granted',
  /** Signal `ItemsReport` from a chunk of a fan-out. */
  items: 'evertrain.items',
} as const;

export interface ApprovalAnswer {
  readonly id: string;
  readonly answer: unknown;
  readonly actor?: string;
}

/** Updates, signals and queries of a model; its workflow id is `modelWorkflowId(name)`. */
export const modelMessages = {
  /** Update `{ trigger, input, options }`: start the pipeline as a child; answers `{ workflowId }` of the run. */
  train: 'evertrain.model.train',
  /** Update `{ version, now?, actor? }`: make a version the champion and deploy it, in stages where the policy has them. */
  promote: 'evertrain.model.promote',
  /** Update `{ actor?, reason? }`: make the champion before this one the champion again. */
  rollback: 'evertrain.model.rollback',
  /** Updates `{ actor?, reason? }`: data starts no training, and does again. */
  pause: 'evertrain.model.pause',
  resume: 'evertrain.model.resume',
  /** Update `{ actor?, reason? }`: train on what waits, and the window before it, whatever the policy says. */
  retrainNow: 'evertrain.model.retrain-now',
  /** Updates `{ id, actor?, reason? }`: a batch in quarantine may be trained on, or is rejected for good. */
  releaseBatch: 'evertrain.model.release-batch',
  dropBatch: 'evertrain.model.drop-batch',
  /** Update `{ policy, actor?, reason? }`: replaces the fields of the policy that are given. */
  configure: 'evertrain.model.configure',
  /** Signal of the model's schedule: it is time to train, if anything waits. */
  tick: 'evertrain.model.tick',
  /** Signal `{ code }` from a worker: the model's code is another one now; it continues as new on it. */
  deployed: 'evertrain.model.deployed',
  /** Signal `Batch`: data arrived (deduplicated by its id). */
  data: 'evertrain.model.data',
  /** Signal from a pipeline run: `RunOutcome` (deduplicated by trigger). */
  outcome: 'evertrain.model.outcome',
  /** Query: `ModelState`. */
  state: 'evertrain.model.state',
} as const;

export function modelWorkflowId(name: string): string {
  return `model/${name}`;
}

export const modelWorkflowType = 'evertrain.model';

/** The run of a study that is too large for the run that searches. */
export const studyWorkflowType = 'evertrain.study';

/** Places that steps' calls share; its workflow id is `poolWorkflowId(name, project)`. */
export const poolWorkflowType = 'evertrain.pool';

export function poolWorkflowId(pool: string, project: string | undefined): string {
  return project === undefined ? `pool/${pool}` : `pool/${project}/${pool}`;
}

export const poolMessages = {
  /** Signal `PoolMessage` from a run. */
  calls: 'evertrain.pool.calls',
  /** Query: `PoolState`. */
  state: 'evertrain.pool.state',
} as const;

/** Summary of timers that only serve a pool's place; views leave them out. */
export const poolTimerSummary = 'evertrain.pool: asks again';

/** First start argument of a pool's workflow; `state` is handed over when it continues as new. */
export interface PoolStart {
  readonly pool: string;
  readonly state?: PoolState;
}

export interface PoolRules {
  readonly limit: number;
  readonly perPipeline?: number;
  readonly perRun?: number;
  readonly checkEveryMs: number;
}

/** Calls of a run that ask for a place, and calls that have ended or need none any more. Twice does no harm. */
export interface PoolMessage {
  readonly workflowId: string;
  /** Stays the same when the run is reset or continues as new. */
  readonly firstRunId: string;
  readonly pipeline: string;
  /** As the run's code declares the pool: the last message counts. */
  readonly rules: PoolRules;
  readonly asks: readonly PoolAsk[];
  readonly ends: readonly string[];
}

export interface PoolAsk {
  readonly stepId: string;
  readonly priority: Priority;
  /** History length at which user code called the step, where the message went later. */
  readonly calledAt?: number;
}

/** Calls that have a place now. */
export interface PoolGrant {
  readonly pool: string;
  readonly firstRunId: string;
  readonly stepIds: readonly string[];
}

export interface PoolState {
  /** Absent before the first message. */
  readonly rules?: PoolRules;
  readonly runs: Readonly<Record<string, PoolRun>>;
  /** Counts asks and grants. */
  readonly clock: number;
  /** By pipeline: the clock when it last got a place. */
  readonly turns: Readonly<Record<string, number>>;
  /** When the engine was last asked for runs that are over: milliseconds since 1970. */
  readonly checkedAt: number;
}

export interface PoolRun extends Pick<PoolMessage, 'workflowId' | 'firstRunId' | 'pipeline'> {
  /** `told`: the run has been signalled. */
  readonly holds: readonly { readonly stepId: string; readonly told?: true }[];
  readonly waits: readonly PoolWait[];
}

export interface PoolWait {
  readonly stepId: string;
  readonly priority: Priority;
  /** The clock when it asked. */
  readonly order: number;
}

/** The run of a chunk of a fan-out that has too many items for the run that it is in. */
export const fanOutWorkflowType = 'evertrain.fan-out';

/** What names a chunk in its parent, with its first and last item: `effect[0-199]`. */
export function chunkId(fanOut: string, from: number, to: number): string {
  return `${fanOut}[${from}-${to}]`;
}

export function chunkOf(id: string): { fanOut: string; from: number; ended: number } | undefined {
  const [, fanOut, from, to] = /^(.*)\[(\d+)-(\d+)\]$/.exec(id) ?? [];
  return fanOut === undefined ? undefined : { fanOut, from: Number(from), ended: Number(to) - Number(from) + 1 };
}

/** The engine's id of a declared schedule. */
export function scheduleId(name: string): string {
  return `schedule/${name}`;
}

/** The id of a schedule's run; the engine appends `-<fire time>`. */
export function scheduledRunId(pipeline: string, schedule: string): string {
  return `${pipeline}/${schedule}`;
}

/** The run that makes up for a range of a schedule's dates; its input is a `BackfillStart`. */
export const backfillWorkflowType = 'evertrain.backfill';

export const backfillMessages = {
  /** Updates: no further date is begun, and again. */
  pause: 'evertrain.backfill.pause',
  resume: 'evertrain.backfill.resume',
  /** Query: `BackfillState`. */
  state: 'evertrain.backfill.state',
} as const;

/** How far a backfill is, and at its end its output: counts of dates. */
export interface BackfillState {
  readonly dates: number;
  readonly completed: number;
  readonly rejected: number;
  readonly failed: number;
  /** They had a run already, open or ended well. */
  readonly skipped: number;
  readonly open: number;
  readonly isPaused?: boolean;
  /** The last 100. */
  readonly failures: readonly BackfillFailure[];
}

export interface BackfillFailure {
  /** ISO 8601. */
  readonly date: string;
  readonly workflowId: string;
  readonly message: string;
}

/** The tiny run that tells people of fire times that a schedule has missed; its argument is a `MissedTimes`. */
export const missedWorkflowType = 'evertrain.missed';

export interface MissedTimes {
  readonly schedule: string;
  readonly pipeline: string;
  /** In all. */
  readonly missed: number;
}

/** Tells a model of objects that come below a prefix; its workflow id is `watchWorkflowId(model, uri)`. */
export const watchWorkflowType = 'evertrain.watch';

/** `prefix`: a digest of its uri. */
export function watchWorkflowId(model: string, prefix: string): string {
  return `${modelWorkflowId(model)}/watch/${prefix}`;
}

/** The tiny run that a model's schedule starts: it signals the model. Argument: the model's name. */
export const tickWorkflowType = 'evertrain.tick';

/** First start argument of a model's workflow; `state` is handed over when it continues as new. */
export interface ModelStart {
  readonly name: string;
  readonly state?: ModelState;
}

export interface TrainRequest {
  /** Names the training: the same trigger twice starts one run. */
  readonly trigger: string;
  readonly input: unknown;
  readonly options?: Pick<RunOptions, 'seed' | 'provenance'>;
}

/** Who orders something of a model, and why. */
export interface ModelOrder {
  readonly actor?: string;
  readonly reason?: string;
}

export interface PromoteRequest extends ModelOrder {
  readonly version: string;
  /** Without the stages of the policy's rollout. */
  readonly now?: boolean;
}

export interface BatchOrder extends ModelOrder {
  readonly id: string;
}

export interface ConfigureRequest extends ModelOrder {
  readonly policy: Partial<ModelPolicy>;
}

/** A run of the model's that is not over. */
export interface OpenRun {
  readonly trigger: string;
  readonly workflowId: string;
}

/** What the code of a model's worker says of it. */
export interface DeclaredModel {
  readonly policy: ModelPolicy;
  /** Version of the worker's bundle. */
  readonly code: string;
}

/** What a model's workflow answers to the state query. */
export interface ModelState {
  readonly name: string;
  readonly pipeline: string;
  /** Number of the serving version. */
  readonly champion?: string;
  /** The champions before this one, newest last; at most 50. */
  readonly former?: readonly string[];
  /** Data starts no training; people may. */
  readonly paused?: ModelOrder & { readonly at: string };
  /** Grows with each promotion; the model server refuses an older one. */
  readonly revision: number;
  readonly nextVersion: number;
  /** About the newest 50, oldest first, or as many as the policy retains; older ones are in the archive. */
  readonly versions: readonly ModelVersion[];
  /** What the state has no room for; the numbers say how much. */
  readonly archive?: { readonly artifact: Artifact; readonly versions: number; readonly batches: number };
  readonly training?: OpenRun & {
    readonly data?: ModelVersion['data'];
    /** It was cancelled for the sake of newer data. */
    readonly isSuperseded?: true;
  };
  /** New batches are being checked. */
  readonly checking?: OpenRun;
  /** A challenger is being compared with the champion, or waits for a person's word. */
  readonly comparison?: OpenRun & { readonly version: string; readonly champion?: string };
  /** A challenger takes over in stages. */
  readonly rollout?: OpenRun & { readonly version: string; readonly reason: string };
  /** What is asked of the champion is being compared with what it was trained on. */
  readonly driftCheck?: OpenRun & { readonly version: string };
  /** Of such checks; absent before the first is planned. */
  readonly drift?: {
    /** When the last one began, or the first was planned: milliseconds since 1970. The next is due after the policy's `every`. */
    readonly since: number;
    readonly checks: number;
    /** The newest 20, oldest first. */
    readonly records: readonly DriftRecord[];
    /** When drift last started a training. */
    readonly retrainedAt?: number;
    /** What a version answered at first. */
    readonly predictions?: { readonly version: string; readonly artifact: Artifact };
  };
  /** The model server is being told, under this revision, that the champion serves alone again. */
  readonly restoring?: number;
  /** The version that is being deployed to become the champion. */
  readonly promoting?: string;
  /** Batches that arrived; absent before the first, and of a model that declares no `data`. */
  readonly data?: DataState;
  /** How the newest trainings ended, oldest first; at most 50. */
  readonly trainings: readonly TrainingRecord[];
  /** What the model goes by, once its worker has said what the code declares. */
  readonly policy?: ModelPolicy;
  /** What the code declared when the policy was last taken from it; another declaration replaces it. */
  readonly declared?: DeclaredModel;
  /** The schedule that the engine keeps for the model, or why it keeps none. */
  readonly schedule?: { readonly cron: string; readonly failure?: string };
  /** What people ordered, the newest 20, oldest first. */
  readonly orders?: readonly (ModelOrder & { readonly order: string; readonly at: string })[];
}

export interface DriftRecord {
  /** ISO 8601. */
  readonly at: string;
  readonly version: string;
  /** Run of the check; absent where none was made. */
  readonly workflowId?: string;
  readonly rows: number;
  readonly isDrifted: boolean;
  /** In words. */
  readonly reason: string;
  /** The columns that differ most, and the predictions. */
  readonly worst?: readonly { readonly name: string; readonly psi?: number; readonly isDrifted: boolean }[];
  readonly quality?: DriftReport['quality'];
  /** What drift led to, in words. */
  readonly training?: string;
}

export interface TrainingRecord {
  readonly trigger: string;
  readonly workflowId: string;
  readonly outcome: 'completed' | 'rejected' | 'failed';
  /** The version it made, or why it made none. */
  readonly version?: string;
  readonly reason: string;
}

export interface ModelVersion {
  readonly version: string;
  readonly stage: 'candidate' | 'challenger' | 'champion' | 'retired' | 'rejected';
  /** Why it has this stage, in words. */
  readonly reason: string;
  readonly metrics: Readonly<Record<string, number>>;
  readonly artifact: Artifact;
  readonly golden?: Deployment['golden'];
  /** As in `candidate()`. */
  readonly trained?: Artifact;
  readonly heldOut?: Artifact;
  readonly reference?: Artifact;
  /** How it compared with the champion of its time. */
  readonly comparison?: ComparisonFacts;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly lineage?: Readonly<Record<string, Artifact>>;
  readonly run: { readonly workflowId: string; readonly runId: string };
  /** Of a training that data started: how much was new, and how much it used. */
  readonly data?: {
    readonly batches: number;
    readonly newBatches: number;
    readonly rows: number;
    /** How many batches the model had used with it, in all. */
    readonly through?: number;
    /** How many the window should have had beside, which the model does not know any more. */
    readonly leftOut?: number;
  };
  readonly registeredAt: string;
}

/** The union that every finished pipeline run answers; a failed one throws. */
export type PipelineResult<Output> =
  | { readonly outcome: 'completed'; readonly output: Output }
  | { readonly outcome: 'rejected'; readonly gate: string; readonly facts?: unknown };

export interface RunOutcome {
  readonly trigger: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly result:
    | PipelineResult<unknown>
    | { readonly outcome: 'failed'; readonly message: string; readonly code: string };
}

/** Of Evertrain's own activities, which share the history with the steps and are none: user names never start so. */
export const builtInPrefix = 'evertrain.';

/** Summary of the timer by which a light step waits for its next attempt; views leave it out. */
export const retryTimer = 'evertrain.retry';

/** Type of the failure by which an activity says that what it waits for is not so yet. */
export const notYet = 'evertrain.not-yet';

/** Built-in activities; they show in histories beside the user's steps and are left out of the step list. */
export const builtIn = {
  /** Local activity: `{ step, stepId, input, cache }` → `CacheLookup`, which a history keeps in a marker. */
  cacheLookup: 'evertrain.cache-lookup',
  /** Does nothing; a workflow task that waits for it ends, and the engine records what local activities did in it. */
  nothing: 'evertrain.nothing',
  /** Fails until another call's claim on a cache entry is over: `CacheWait`. */
  cacheWait: 'evertrain.cache-wait',
  /** Looks whether a condition holds, failing until it does: `SensorRequest` → `SensorAnswer`. */
  sensor: 'evertrain.sensor',
  /** Tells people (webhook): `Notice`. */
  notify: 'evertrain.notify',
  /** How a model's run ended, `null` while it is open: `OpenRun` → `RunOutcome | null`. */
  runOutcome: 'evertrain.run-outcome',
  /** Which of these are over: `Pick<PoolRun, 'workflowId' | 'firstRunId'>[]` → the same, fewer. */
  closedRuns: 'evertrain.closed-runs',
  /** Local activity: what the worker's code declares of a model: its name → `DeclaredModel | null`. */
  declaredModel: 'evertrain.declared-model',
  /** What a rule's run is to be started with, once a worker declares the rule: `RuleQuestion` → `RuleInput`. */
  ruleInput: 'evertrain.rule-input',
  /** Makes the engine keep a model's schedule, or none: `ModelSchedule`. */
  schedule: 'evertrain.schedule',
  /** Writes what a model's state has no room for: `ArchiveRequest` → `Artifact`. */
  archive: 'evertrain.archive',
  /** Reads batches from it: `RecallRequest` → `KnownBatch[]`. */
  recall: 'evertrain.recall',
  /** Puts a model version on the model server: `Deployment`. */
  deploy: 'evertrain.deploy',
  /** Looks at a rollout until something is to be done, failing in between: `WatchRequest` → `WatchAnswer`. */
  watch: 'evertrain.watch-rollout',
  /** What the model server has logged of a model, as a table: `WindowRequest` → `LoggedWindow`. */
  window: 'evertrain.logged-window',
  /** Parameters for the next trials of a study, by Optuna: `SuggestRequest` → `SuggestAnswer`. */
  suggest: 'evertrain.suggest',
  /** Completed trials of a study's artifact, the best 500: `Artifact` → `KnownTrial[]`. */
  knownTrials: 'evertrain.known-trials',
  /** Writes a study as an artifact: `StudyToWrite` → `Artifact`. */
  study: 'evertrain.study',
  /** Writes a piece of what is too much for one payload: text → `Artifact`. */
  keepText: 'evertrain.keep-text',
  /** Reads it again: `Artifact` → text. */
  keptText: 'evertrain.kept-text',
  /** A light step, and seen as one: `VariableRead` → `VariableValue`. */
  variable: 'evertrain.variable',
} as const;

/** Evertrain's own activities are no steps of the run, but for what its history should tell people. */
export function isHidden(activity: string): boolean {
  return activity.startsWith(builtInPrefix) && activity !== builtIn.variable;
}

export interface VariableRead {
  readonly name: string;
  readonly default: unknown;
}

export interface VariableValue {
  readonly value: unknown;
  /** Absent where nobody has set it: it is the default. */
  readonly setBy?: string;
  /** ISO time. */
  readonly setAt?: string;
}

/** What a run tells the worker that carries out its task, outside of its history (a type: sinks need an index). */
export type RunSinks = {
  readonly evertrain: {
    /** The run ends with this task. */
    readonly closing: () => void;
    /** A call that looked for its result in the cache in vain has ended. */
    readonly missEnded: (call: { readonly key: string; readonly stepId: string; readonly isDone: boolean }) => void;
  };
};

export type CacheLookup =
  | {
      readonly hit: true;
      readonly stepId: string;
      readonly step: string;
      /** Left out where input and output are too much for one payload. */
      readonly input?: unknown;
      readonly output: unknown;
      readonly key: string;
      readonly source: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
    }
  | {
      readonly hit: false;
      readonly stepId: string;
      readonly key: string;
      /** Another call is making the same result. */
      readonly busy?: CacheClaim;
    };

/** A call that makes what a cache entry is to hold. */
export interface CacheClaim {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  /** Of the claims on this entry, from 1. */
  readonly number: number;
  /** Epoch ms. */
  readonly at: number;
}

/** The call that waits, and for which one. */
export interface CacheWait {
  readonly stepId: string;
  readonly step: string;
  readonly key: string;
  readonly claim: CacheClaim;
}

export interface Notice {
  readonly kind:
    | 'run-failed'
    | 'run-blocked'
    | 'waiting-for-person'
    | 'data-quarantined'
    | 'data-refused'
    | 'rollout-taken-back'
    | 'drift'
    | 'schedule-missed'
    | 'asset-stale';
  readonly pipeline: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly message: string;
  readonly facts?: unknown;
}

export interface ModelSchedule {
  readonly model: string;
  /** Absent: none. */
  readonly cron?: string;
}

/** What a model's archive holds, as JSON. */
export interface ArchiveContent {
  /** Oldest first; the newest 500 KB. */
  readonly batches: readonly KnownBatch[];
  /** All, oldest first. */
  readonly versions: readonly ModelVersion[];
}

export interface ArchiveRequest extends ArchiveContent {
  readonly model: string;
  /** What it is added to. */
  readonly archive?: Artifact;
  /** SHA-256 of artifacts that garbage collection may take, whatever run records say of them. */
  readonly release: readonly string[];
}

export interface RecallRequest {
  readonly archive: Artifact;
  /** The newest so many. */
  readonly batches: number;
}

/** A model version as the model server loads it. */
export interface Servable {
  readonly version: string;
  /** ONNX bytes. */
  readonly artifact: Artifact;
  readonly producedBy: { readonly workflowId: string; readonly runId: string };
  /** A request (`inputs` of the Open Inference Protocol) and the outputs it must give before traffic switches. */
  readonly golden?: { readonly request: unknown; readonly response: unknown; readonly tolerance?: number };
}

/**
 * What the model server is to serve of a model: one version, and during a rollout a challenger beside it. `revision` grows
 * with every promotion of the model, `stage` with every change within a rollout; the server refuses what is older.
 */
export interface Deployment extends Servable {
  readonly model: string;
  readonly revision: number;
  /** Default 0. */
  readonly stage?: number;
  readonly challenger?: Challenger;
}

export interface Challenger extends Servable {
  /** Share of requests that it takes, 0 to 100; the rest goes to the promoted version. */
  readonly percent: number;
  /** It computes that share beside the promoted version, which answers all; nobody gets its answers. */
  readonly isShadow?: boolean;
}

/** What one look at a rollout needs to know. */
export interface WatchRequest {
  readonly model: string;
  readonly revision: number;
  /** Versions. */
  readonly champion: string;
  readonly challenger: string;
  readonly guards: RolloutGuards;
  /** The stage is held until then: milliseconds since 1970. */
  readonly until: number;
  readonly minRequests: number;
  readonly lookEveryMs: number;
  /** With the share that the challenger has now. */
  readonly bandit?: {
    readonly metric: LiveMetric;
    readonly floor: number;
    readonly confidence: number;
    readonly percent: number;
  };
}

export interface WatchAnswer {
  /** Its time is over · a guard spoke, or the labels are for the champion · they are for the challenger · another share. */
  readonly ended: 'held' | 'aborted' | 'won' | 'shifted';
  readonly reason?: string;
  /** The new share. */
  readonly percent?: number;
  /** Small numbers for people to read. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Requests that a version answered, between these times: milliseconds since 1970. */
export interface WindowRequest {
  readonly model: string;
  readonly version: string;
  readonly since: number;
  readonly until: number;
}

/** A table (Parquet) of a sample of them: the model's features, and `prediction`, `at` and `version`. */
export interface LoggedWindow {
  readonly rows: number;
  readonly artifact?: Artifact;
}

/** What the model server has counted for a model since its present revision began, or since its own start if later. */
export interface LiveReport {
  readonly model: string;
  readonly revision: number;
  readonly stage: number;
  /** ISO 8601. */
  readonly since: string;
  /** By version. */
  readonly versions: Readonly<Record<string, LiveCounts>>;
}

export interface LiveCounts {
  /** Requests that it computed, failed ones included; not those that were refused as malformed. */
  readonly requests: number;
  /** Of these: it threw, answered a shape that it had not declared, or a number that is not finite. */
  readonly errors: number;
  /**
   * How long it took over a request, from its arrival to the answer. `counts[i]` are the requests of at most
   * `boundsMs[i]` and more than the bound before; the last count, one longer than the bounds, are those above all.
   */
  readonly latency: { readonly boundsMs: readonly number[]; readonly counts: readonly number[] };
  /** Of predictions whose label came back; absent where none did. */
  readonly scores?: LiveScores;
}

/** Each as far as the labels allow: accuracy for words and classes, errors for numbers. */
export interface LiveScores {
  readonly accuracy?: Moments;
  readonly absoluteError?: Moments;
  readonly squaredError?: Moments;
}

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Of the sample, with count - 1. */
  readonly variance: number;
}
