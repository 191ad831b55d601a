import type { Connection } from '@temporalio/client';
import type { Worker } from '@temporalio/worker';

export interface WorkerHealth {
  /** Temporal's word for its workers: RUNNING, DRAINING, …; MIXED while they differ. */
  readonly state: string;
  readonly engine: 'reachable' | 'unreachable';
  readonly queues: Readonly<
    Record<string, { readonly state: string; readonly runningSteps: number; readonly slots: number }>
  >;
}

/** Of the workers of a process, by queue. */
export async function healthOf(
  workers: ReadonlyMap<string, Worker>,
  slots: ReadonlyMap<string, { readonly count: number }>,
  connection: Connection,
): Promise<WorkerHealth> {
  const states = [...new Set([...workers.values()].map((worker) => worker.getState()))];
  return {
    state: states.length === 1 ? String(states[0]) : 'MIXED',
    engine: (await answers(connection)) ? 'reachable' : 'unreachable',
    queues: Object.fromEntries(
      [...workers].map(([queue, worker]) => [queue, queueHealth(worker, slots.get(queue)?.count ?? 0)]),
    ),
  };
}

async function answers(connection: Connection): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.getSystemInfo({}));
    return true;
  } catch {
    return false;
  }
}

function queueHealth(worker: Worker, slots: number) {
  const { numInFlightActivities } = worker.getStatus();
  return { state: worker.getState(), runningSteps: numInFlightActivities, slots };
}
