import { AsyncLocalStorage, inWorkflowContext } from '@temporalio/workflow';
import type { PipelineDefinition, StepDefinition } from './definitions.js';
import { EvertrainError } from './errors.js';
import type { ItemsReport } from './fan-out-messages.js';
import type { RunOptions } from './run-options.js';
import type { TrialReport } from './search/messages.js';
import type { SensorRequest } from './sensors/condition.js';
import { trace } from './trace.js';

/**
 * What a run's own code needs to know while it runs: its pipeline and options, the ids given out so far, a rejected
 * gate. On a worker there is one scope in a workflow's sandbox; plain calls in tests bring their own (`useScopeLookup`).
 */
export interface RunScope {
  readonly pipeline: PipelineDefinition;
  readonly options: RunOptions;
  readonly host: RunHost;
  /** Ids given out: name → how often. */
  readonly counts: Map<string, number>;
  /** Step id → where it stands; feeds the current details. */
  readonly progress: Map<string, StepProgress>;
  rejected?: GateRejection;
  /** Called at once when a gate ends the run. */
  onReject?: () => void;
  /** Called with each metric that a step at work reports; by study. */
  readonly onReport?: Map<string, (report: TrialReport) => void>;
  /** Fan-outs whose items are at work in runs of their own, by id. */
  readonly fanOuts: Map<string, FanOutProgress>;
  /** How far it is, of a run that says so itself; feeds the current details. */
  standing?: () => string;
}

export interface FanOutProgress {
  readonly items: number;
  /** By the chunk's first item. */
  readonly chunks: Map<number, ItemsReport>;
}

export type StepProgress = 'queued' | 'waiting' | 'completed' | 'cached' | 'reused' | 'failed';

/** What the calls of a pipeline do outside of it: on a worker through Temporal, in plain calls directly. */
export interface RunHost {
  /** The promise may be awaited late: its rejection counts as handled (see `awaitable`). */
  step(scope: RunScope, definition: StepDefinition, input: unknown, id: string, path: StepPath): Promise<unknown>;
  /** `own` replaces options that the run would get. */
  child(
    scope: RunScope,
    pipeline: PipelineDefinition,
    input: unknown,
    id: string,
    path: StepPath,
    own?: Pick<RunOptions, 'seed' | 'atMost'>,
  ): Promise<unknown>;
  /** Answers when the engine has recorded the start. `workflowId` is set where the pipeline gives the run an id. */
  start(
    scope: RunScope,
    pipeline: PipelineDefinition,
    input: unknown,
    id: string,
    workflowId: string | undefined,
  ): Promise<StartedRun>;
  /** What was found; `undefined` where the time was over first. The promise may be awaited late, as a step's. */
  sensor(scope: RunScope, request: SensorRequest, id: string): Promise<unknown>;
  /** One of Evertrain's own activities, by its type. */
  builtIn(type: string, argument: unknown, summary: string): Promise<unknown>;
  /** `aside` is written with the value; it is small, and does not count as what users record. */
  record(key: string, value: object, aside?: object): void;
  /** Resolves true when `ready` holds, false when the time is over first. */
  wait(ready: () => boolean, withinMs?: number): Promise<boolean>;
  now(): number;
  waitingFor(labels: readonly string[]): void;
  /** Signals received and not yet taken, by name. */
  readonly signals: Map<string, unknown[]>;
  readonly approvals: ApprovalBook;
  notify(scope: RunScope, kind: 'waiting-for-person', message: string, facts: unknown): void;
}

/** Open approvals and the answers that validators let through. */
export type ApprovalBook = Map<string, OpenApproval>;

export interface OpenApproval {
  readonly name: string;
  readonly check: (answer: unknown) => void;
  readonly facts?: unknown;
  readonly deadlineMs?: number;
  readonly answerSchema?: object;
  state: 'waiting' | 'answered' | 'timed-out';
  answer?: unknown;
  actor?: string;
}

/** Groups and fan-out items around a call. */
export interface StepPath {
  readonly prefix: string;
  readonly groups: readonly string[];
  readonly trial?: TrialPath;
}

/** The call of a study's trial around a call. */
export interface TrialPath {
  /** What ids in this call of the trial begin with. */
  readonly prefix: string;
  /** The same of the trial's first call: seeds derive from it, so that all its calls have one. */
  readonly seedPrefix: string;
  /** The same of calls whose checkpoints its steps go on from, newest first. */
  readonly resumes: readonly { readonly prefix: string; readonly runId?: string }[];
  /** A metric that the run is told while a step is at work. */
  readonly reports?: string;
}

/** Ends a pipeline by decision. User `catch` cannot swallow it: the run remembers it. */
export class GateRejection extends EvertrainError {
  readonly gate: string;
  readonly facts: unknown;

  constructor(gate: string, facts: unknown) {
    super('GATE_REJECTED', `Gate "${gate}" was not passed.`, { value: facts });
    this.gate = gate;
    this.facts = facts;
  }
}

const root: StepPath = { prefix: '', groups: [] };
/** Node's AsyncLocalStorage has this shape; Temporal's works in a workflow's sandbox only. */
export interface PathStorage {
  getStore(): StepPath | undefined;
  run<T>(path: StepPath, fn: () => T): T;
}

let paths: PathStorage = new AsyncLocalStorage<StepPath>();

let scope: RunScope | undefined;
let lookup: (() => RunScope | undefined) | undefined;

export function enterScope(entered: RunScope): void {
  scope = entered;
}

/** Lets a test harness find the scope of the plain call at hand, and keep its path, outside of the sandbox. */
export function useScopeLookup(find: () => RunScope | undefined, storage: PathStorage): void {
  lookup = find;
  paths = storage;
}

/** The scope of the run at hand; GATE_REJECTED again when a gate has ended it; USER_OUTSIDE_PIPELINE without one. */
export function currentScope(what: string): RunScope {
  const found = lookup?.() ?? scope;
  if (found === undefined) {
    throw new EvertrainError('USER_OUTSIDE_PIPELINE', `${what} was called outside of a running pipeline.`, {
      remedy: inWorkflowContext()
        ? 'Call it inside the function given to pipeline().'
        : 'Start the pipeline with a client, or use runPlain of evertrain/testing in a test.',
    });
  }
  if (found.options.trace === true) trace(what);
  if (found.rejected !== undefined) throw found.rejected;
  return found;
}

export function currentPath(): StepPath {
  return paths.getStore() ?? root;
}

export function withPath<T>(inner: StepPath, fn: () => T): T {
  return paths.run(inner, fn);
}

/** The next id for a name under a path: `path/name`, then `path/name#2` and so on. */
export function nextId(scope: RunScope, at: StepPath, name: string): string {
  const base = at.prefix + name;
  const count = (scope.counts.get(base) ?? 0) + 1;
  scope.counts.set(base, count);
  return count === 1 ? base : `${base}#${count}`;
}

export interface StartedRun {
  readonly workflowId: string;
  /** Absent where `isNew` is false. */
  readonly runId?: string;
  /** False where a run of this id was there already. */
  readonly isNew: boolean;
}
