import type { RunSummary } from '../list-runs.js';
import type { QueueBacklog } from '../queue-backlogs.js';
import type { LogHit } from '../log-query.js';
import type { RunView, StepStatus } from '../history/run-view.js';
import type { PoolState } from '../../workflows/sdk/protocol.js';
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
  /** Those of the project in the folder in which the dashboard was started. */
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

/** A line of an attempt, of its log or a metric. */
export type AttemptLine = {
  readonly stepId: string;
  readonly attempt: number;
  readonly t: number;
} & (
  | { readonly kind: 'log'; readonly level: string; readonly message: string }
  | { readonly kind: 'metric'; readonly name: string; readonly value: number; readonly step?: number }
  | { readonly kind: 'progress' }
);

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
