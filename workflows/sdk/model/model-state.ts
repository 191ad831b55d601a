import type { Artifact } from '../artifact.js';
import type { DataState } from './data-state.js';
import type { Deployment } from './deployment.js';
import type { DriftReport } from './drift.js';
import type { ModelPolicy } from './policy.js';
import type { ComparisonFacts } from './runs.js';

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

/** Who orders something of a model, and why. */
export interface ModelOrder {
  readonly actor?: string;
  readonly reason?: string;
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
