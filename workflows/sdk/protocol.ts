/**
 * Names and shapes that every part of the workflow side, the workers and the clients agree on; those of one feature are in
 * its `messages.ts` or beside it. They are written into event histories, so once a version is published a change of any of
 * them needs `patched`.
 */

/** Task queue of runs and of steps that name no other queue. */
export const defaultQueue = 'evertrain';

/** Search attributes that provisioning registers. */
export const searchAttributes = {
  pipeline: { name: 'EvertrainPipeline', type: 'KEYWORD' },
  model: { name: 'EvertrainModel', type: 'KEYWORD' },
  /** completed · rejected · failed · cancelled */
  outcome: { name: 'EvertrainOutcome', type: 'KEYWORD' },
  /** What an open run waits for a person to do, e.g. `approval:ship it?`. */
  waitingFor: { name: 'EvertrainWaitingFor', type: 'KEYWORD_LIST' },
} as const;

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

/** What a run tells the worker that carries out its task, outside of its history (a type: sinks need an index). */
export type RunSinks = {
  readonly evertrain: {
    /** The run ends with this task. */
    readonly closing: () => void;
    /** A call that looked for its result in the cache in vain has ended. */
    readonly missEnded: (call: { readonly key: string; readonly stepId: string; readonly isDone: boolean }) => void;
  };
};

/** Of Evertrain's own activities, which share the history with the steps and are none: user names never start so. */
export const builtInPrefix = 'evertrain.';

/** Built-in activities; they show in histories beside the user's steps and are left out of the step list. */
export const builtIn = {
  /** Local activity: `{ step, stepId, input, cache }` → `CacheLookup`, which a history keeps in a marker. */
  cacheLookup: 'evertrain.cache-lookup',
  /** Local activity: calls of light steps that wait for their turn together: `LightCall[]` → `LightEnds`. */
  lightSteps: 'evertrain.light-steps',
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

/** Type of the failure by which an activity says that what it waits for is not so yet. */
export const notYet = 'evertrain.not-yet';
