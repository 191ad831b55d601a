import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Seen } from '../activities/sensors/look.js';
import { EvertrainError } from '../workflows/sdk/errors.js';
import type { RunCondition, RunEnd, RunFacts } from '../workflows/sdk/sensors/condition.js';

const ends: Readonly<Record<string, RunEnd>> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
};

/** Asks the engine for the newest run of a workflow id. */
export async function runLook(client: Client, { workflowId, outcome: wanted }: RunCondition): Promise<Seen> {
  const newest = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  if (newest === undefined) return { met: false, said: 'there is no such run yet' };
  const end = ends[newest.status.name];
  if (end === undefined) return { met: false, said: 'it is running' };
  const facts = { workflowId, runId: newest.runId, ...(await endOf(client, workflowId, newest.runId, end)) };
  if (wanted === undefined || wanted === facts.outcome) return { met: true, facts };
  throw new EvertrainError('USER_SENSOR_FAILED', `Run "${workflowId}" ended as ${facts.outcome}, not as ${wanted}.`, {
    value: facts.outcome,
    remedy: 'Run it again, or wait for its end without `outcome` and decide by what is found.',
  });
}

async function endOf(
  client: Client,
  workflowId: string,
  runId: string,
  outcome: RunEnd,
): Promise<Pick<RunFacts, 'outcome' | 'output'>> {
  if (outcome !== 'completed') return { outcome };
  const result: unknown = await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
  const known = (result ?? {}) as { readonly outcome?: unknown; readonly output?: unknown };
  if (known.outcome === 'rejected') return { outcome: 'rejected' };
  return { outcome, output: known.outcome === 'completed' ? known.output : result };
}
