import type { ModelState } from '../../workflows/sdk/model/model-state.js';
import type { PoolState } from '../../workflows/sdk/pools/messages.js';
import type { RunSummary } from '../list-runs.js';
import type { QueueBacklog } from '../queue-backlogs.js';
import type { ApprovalView, RunView, StepStatus, StudyView } from '../history/run-view.js';
import type { LogHit } from '../log-query.js';
import type { RolloutView } from '../model-rollout.js';
import type { Change } from './view-change.js';

/** What the server of the dashboard tells its pages; all of it is JSON, times are epoch milliseconds. */

export interface Session {
  /** Who is looked upon as acting; absent before a log-in. */
  readonly actor?: string;
  /** A token is asked for before anything is shown. */
  readonly needsLogin: boolean;
  readonly isReadOnly: boolean;
  readonly address: string;
  readonly namespace: string;
  /** Of Temporal's UI, without a slash at its end. */
  readonly temporalUi?: string;
  /** The server's clock. */
  readonly now: number;
  /** Those of the project in the folder in which the dashboard was started, as its files are now. */
  readonly pipelines: readonly PipelineForm[];
}

/** What a form to start a pipeline needs. */
export interface PipelineForm {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of its input, where it declares one that can be written so. */
  readonly input?: unknown;
}

export interface RunsAnswer {
  readonly runs: readonly RunSummary[];
  readonly next?: string;
}

/** One message of a run's stream. Of its steps inputs and outputs are left out; they are asked for one by one. */
export type RunMessage =
  | { readonly kind: 'view'; readonly view: RunView; readonly recorded?: true }
  | { readonly kind: 'change'; readonly change: Change }
  | { readonly kind: 'lost'; readonly message: string }
  | { readonly kind: 'found' }
  | { readonly kind: 'unserved'; readonly message: string };

/** A call of a step in a run. */
export interface PastCall {
  readonly workflowId: string;
  readonly runId: string;
  readonly status: StepStatus;
  readonly scheduledAt: number;
  /** From its being scheduled to its end. */
  readonly ms: number;
}

/** A line of an attempt. */
export type AttemptLine = {
  readonly stepId: string;
  readonly attempt: number;
  readonly t: number;
} & (
  | { readonly kind: 'log'; readonly level: string; readonly message: string }
  | { readonly kind: 'metric' | 'progress' }
);

/** A metric of an attempt; of many values some stand for all, with every spike. */
export interface CurveLine {
  readonly stepId: string;
  readonly attempt: number;
  readonly name: string;
  /** How many there are. */
  readonly count: number;
  readonly points: ReadonlyArray<readonly [x: number, y: number]>;
}

/** A study as a whole, and the run that its trials are in. */
export interface ShownStudy {
  readonly study: StudyView;
  readonly run: { readonly workflowId: string; readonly runId: string };
  /** Of the study in that run. */
  readonly id: string;
}

/** Of a search through logs: what is found, run by run; then how it ended. */
export type LogsMessage =
  | { readonly lines: readonly LogHit[]; readonly isFirst: boolean }
  /** There are more lines; the search took too long. */
  | { readonly isCut: boolean; readonly isLate: boolean };

export type Preview =
  | {
      readonly kind: 'table';
      readonly columns: readonly string[];
      readonly rows: readonly (readonly unknown[])[];
      readonly total: number;
    }
  | { readonly kind: 'text'; readonly text: string; readonly isCut: boolean }
  | { readonly kind: 'image'; readonly mediaType: string; readonly base64: string }
  | { readonly kind: 'none'; readonly why: string };

export interface QueuesAnswer {
  readonly queues: readonly QueueBacklog[];
  readonly pools: readonly { readonly id: string; readonly state?: PoolState }[];
}

export interface ModelAnswer {
  readonly state: ModelState;
  /** While a version is rolled out. */
  readonly rollout?: RolloutView;
  /** What the model's open runs ask people. */
  readonly approvals: readonly OpenApproval[];
}

export interface OpenApproval {
  readonly workflowId: string;
  readonly runId: string;
  readonly pipeline: string;
  readonly approval: ApprovalView;
}

export interface VariablesAnswer {
  readonly variables: readonly VariableView[];
  /** Newest first. */
  readonly changes: readonly VariableChange[];
}

export interface VariableView {
  readonly name: string;
  readonly value: unknown;
  readonly default: unknown;
  readonly description?: string | undefined;
  /** Where somebody has set it. */
  readonly setBy?: string;
  /** ISO 8601. */
  readonly setAt?: string;
}

/** Without `value`: it got its default again. */
export interface VariableChange {
  readonly name: string;
  readonly value?: unknown;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}
