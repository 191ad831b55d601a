import type { ApprovalRecord } from '../../workflows/sdk/approval-messages.js';
import type { CacheClaim } from '../../workflows/sdk/cache-messages.js';
import type { ItemsReport } from '../../workflows/sdk/fan-out-messages.js';
import type { GateRecord } from '../../workflows/sdk/gate.js';
import { type Causes, CauseTracker } from './causes.js';
import type { Failure, HistoryEvent, Payload } from './decode.js';
import type { StudyFacts } from './fold-study.js';

/**
 * The facts of a history, gathered in one pass over its events. Payloads stay encoded until the view needs them. Events
 * may come in portions, so a live view never reads a history twice.
 */
export interface Facts {
  events: number;
  lastAt: number;
  started?: Started;
  closed?: Closed;
  cancelRequested: boolean;
  /** The workflow task fails again and again; see `RunView.blocked`. */
  blocked?: { readonly at: number; readonly failure: Failure | null | undefined };
  workerVersion?: { readonly deployment?: string; readonly buildId: string };
  /** By scheduled event id; answered and reused ones by their marker's or memo's, pooled ones by when they asked. */
  readonly steps: Map<number, StepFacts>;
  /** Light steps whose first attempt did not end well, which may go on as a normal activity: by id. */
  readonly triedLight: Map<string, StepFacts>;
  /** Step id → key in `steps`, of calls that have asked a pool for a place. */
  readonly asked: Map<string, number>;
  /** By scheduled event id, also where the key in `steps` is another one. */
  readonly scheduled: Map<number, StepFacts>;
  /** What led to calls that waited for another call's result, by step id. */
  readonly waited: Map<string, Causes>;
  /** By initiated event id. */
  readonly children: Map<number, ChildFacts>;
  /** By started event id. */
  readonly timers: Map<number, TimerFacts>;
  readonly approvals: Map<string, ApprovalFacts>;
  readonly gates: { readonly record: GateRecord; readonly at: number }[];
  /** By id. */
  readonly studies: Map<string, StudyFacts>;
  /** By id. */
  readonly fanOuts: Map<string, FanOutFacts>;
  readonly signals: { readonly name: string; readonly at: number; readonly payload: Payload | undefined }[];
  /** As the search attribute says; absent where the run never set it. */
  waitingFor?: readonly string[];
  readonly causes: CauseTracker;
}

export interface Started {
  readonly at: number;
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly input: readonly Payload[];
  readonly parent?: { readonly workflowId: string; readonly runId: string };
  /** It goes on where an earlier run of its id left off. */
  readonly isContinued: boolean;
  /** When the engine planned it. */
  readonly firedAt?: unknown;
}

export interface Closed {
  readonly at: number;
  readonly kind: 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'continued';
  readonly result?: Payload | undefined;
  readonly failure?: Failure | null | undefined;
  readonly reason?: string;
  readonly runId?: string;
}

export interface StepFacts {
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly scheduledAt: number;
  readonly causes: Causes;
  /** It ran as a local activity, at least at first. */
  readonly isLight?: true;
  queue?: string;
  seed?: number;
  input?: Payload | undefined;
  /** Not scheduled yet. */
  readonly waitsForPool?: string;
  readonly summary?: Payload | null | undefined;
  /** It is a sensor: what it waits for, in words. */
  readonly waitsUntil?: string;
  /** It is no step yet: another call is making the same result. Goes when that has ended. */
  readonly waitsFor?: CacheClaim;
  /** Of the last attempt, once history has it. */
  attempt?: number;
  startedAt?: number;
  worker?: string;
  /** The run asked for its end, and goes on without waiting for it. */
  cancelRequested?: { readonly at: number; readonly event: number };
  end?: StepEnd;
}

export type StepEnd = { readonly at: number; readonly event: number } & (
  | { readonly kind: 'completed'; readonly output: Payload | undefined }
  | { readonly kind: 'failed'; readonly failure: Failure | null | undefined }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'cached'; readonly lookup: CacheHit }
  | { readonly kind: 'reused' }
);

export interface CacheHit {
  readonly input?: unknown;
  readonly output: unknown;
  readonly key: string;
  readonly source: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
}

export interface ChildFacts {
  readonly workflowId: string;
  readonly pipeline: string;
  readonly initiatedAt: number;
  readonly causes: Causes;
  readonly input: Payload | undefined;
  /** Started, and not waited for. */
  readonly isDetached: boolean;
  runId?: string;
  end?: {
    readonly at: number;
    readonly event: number;
    readonly kind: 'completed' | 'failed' | 'cancelled' | 'terminated' | 'timed-out' | 'existed';
    readonly result?: Payload | undefined;
    readonly failure?: Failure | null | undefined;
  };
}

export interface TimerFacts {
  readonly id: string;
  readonly startedAt: number;
  readonly firesAt: number;
  readonly causes: Causes;
  readonly summary?: Payload | null | undefined;
  end?: { readonly at: number; readonly kind: 'fired' | 'cancelled' };
}

export interface ApprovalFacts {
  record: ApprovalRecord;
  readonly askedAt: number;
  readonly causes: Causes;
  settledAt?: number;
}

/** A fan-out whose items are at work in runs of their own. */
export interface FanOutFacts {
  readonly items: number;
  readonly at: number;
  /** The last of each chunk, by its first item. */
  readonly reports: Map<number, ItemsReport>;
}

export function noFacts(): Facts {
  return {
    events: 0,
    lastAt: 0,
    cancelRequested: false,
    steps: new Map(),
    triedLight: new Map(),
    asked: new Map(),
    scheduled: new Map(),
    waited: new Map(),
    children: new Map(),
    timers: new Map(),
    approvals: new Map(),
    gates: [],
    studies: new Map(),
    fanOuts: new Map(),
    signals: [],
    causes: new CauseTracker(),
  };
}

/** An event with its number and time read. */
export interface Occurrence {
  readonly event: HistoryEvent;
  readonly id: number;
  readonly at: number;
}
