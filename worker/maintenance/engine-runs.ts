import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { modelWorkflowType } from '../../workflows/sdk/model/messages.js';
import type { Rerun } from '../../workflows/sdk/rerun.js';
import type { RunRef } from './expired-runs.js';
import { startArguments } from './history-roots.js';

/** The runs that the engine knows, as `collectGarbage` takes them. */
export interface EngineRuns {
  readonly openRuns: readonly RunRef[];
  /** All that have ended. */
  readonly retainedRuns: readonly RunRef[];
  /**
   * Those of them whose checkpoints an open run may still go on from (`StepHeader.resumes`): the runs that it repeats
   * (`rerun`), its earlier executions (it continued as new), and its child runs. A model stays open for ever, and keeps
   * nothing of its trainings so.
   */
  readonly lendingRuns: readonly RunRef[];
}

export async function engineRuns(client: Client): Promise<EngineRuns> {
  const open: WorkflowExecutionInfo[] = [];
  const ended: WorkflowExecutionInfo[] = [];
  for await (const run of client.workflow.list()) (run.status.name === 'RUNNING' ? open : ended).push(run);
  const borrowing = open.filter(({ type }) => type !== modelWorkflowType);
  const repeated = new Set<string>();
  for (const run of borrowing) for (const runId of await repeatedBy(client, run)) repeated.add(runId);
  const isBelow = familyOf(ended, borrowing);
  return {
    openRuns: open.map(refOf),
    retainedRuns: ended.map(refOf),
    lendingRuns: ended.filter((run) => repeated.has(run.runId) || isBelow(run)).map(refOf),
  };
}

/** Whether a run is an earlier execution of one of the open ones, or was started by it or by a run that it started. */
function familyOf(ended: readonly WorkflowExecutionInfo[], open: readonly RunRef[]): (run: RunRef) => boolean {
  const openIds = new Set(open.map(({ workflowId }) => workflowId));
  const parents = new Map(ended.map(({ runId, parentExecution }) => [runId, parentExecution]));
  const isBelow = (workflowId: string, runId: string): boolean => {
    const parent = parents.get(runId);
    return openIds.has(workflowId) || (parent !== undefined && isBelow(parent.workflowId ?? '', parent.runId ?? ''));
  };
  return ({ workflowId, runId }) => isBelow(workflowId, runId);
}

/** Ids of the run that a run was started to repeat, and of those that that one had calls handed over from. */
async function repeatedBy(client: Client, run: RunRef): Promise<string[]> {
  const found: string[] = [];
  for (const argument of await startArguments(client, run)) {
    const { of, recorded = {} } = (argument as { readonly rerun?: Partial<Rerun> } | null)?.rerun ?? {};
    for (const one of [of, ...Object.values(recorded).map(({ from }) => from)]) {
      if (typeof one?.runId === 'string') found.push(one.runId);
    }
  }
  return found;
}

function refOf({ workflowId, runId }: RunRef): RunRef {
  return { workflowId, runId };
}
