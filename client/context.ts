import type { Client } from '@temporalio/client';
import type { AttemptRecord } from './history/run-view.js';

export type AttemptsReader = (workflowId: string, runId: string) => Promise<readonly AttemptRecord[]>;

/** What a handle needs of the connection it came from. */
export interface RunContext {
  readonly client: Client;
  readonly address: string;
  readonly attempts?: AttemptsReader | undefined;
}
