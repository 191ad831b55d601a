import { CancellationScope, scheduleActivity, workflowInfo } from '@temporalio/workflow';
import { builtIn } from './protocol.js';

export interface Notice {
  readonly kind:
    | 'run-failed'
    | 'run-blocked'
    | 'waiting-for-person'
    | 'data-quarantined'
    | 'data-refused'
    | 'rollout-taken-back'
    | 'drift'
    | 'schedule-missed'
    | 'asset-stale';
  readonly pipeline: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly message: string;
  readonly facts?: unknown;
}

/**
 * Tells people through the worker's notifier; resolves when it was delivered or given up, and never fails the run. A
 * failed run stays open until then: for 2 minutes at most. A waiting one waits anyway, so a day is tried.
 */
export async function notice(partial: Omit<Notice, 'workflowId' | 'runId'>): Promise<void> {
  const { workflowId, runId } = workflowInfo();
  await CancellationScope.nonCancellable(() =>
    scheduleActivity(builtIn.notify, [{ ...partial, workflowId, runId } satisfies Notice], {
      startToCloseTimeout: 30_000,
      heartbeatTimeout: 10_000,
      scheduleToCloseTimeout: partial.kind === 'waiting-for-person' ? 86_400_000 : 120_000,
      retry: { maximumInterval: partial.kind === 'waiting-for-person' ? 60_000 : 10_000 },
      summary: `tell people: ${partial.kind}`,
    }),
  ).catch(() => undefined);
}
