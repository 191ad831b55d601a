import type { Client } from '@temporalio/client';
import { show, EvertrainError } from '../workflows/sdk/errors.js';

/** What waits in a queue, by the engine's estimates; it may lag a few seconds behind. */
export interface QueueBacklog {
  readonly queue: string;
  /** `steps`: calls of steps. `runs`: moments at which a run goes on, which only workers that serve runs take. */
  readonly kind: 'steps' | 'runs';
  /** Taken by no worker yet. */
  readonly waiting: number;
  /** How long the first of them has waited. */
  readonly oldestSeconds: number;
  /** Per second, of the last half minute. */
  readonly added: number;
  readonly taken: number;
  /** Worker processes that have asked for work in the last five minutes; one whose slots are all taken does not ask. */
  readonly workers: number;
}

/** Temporal's numbers for the two kinds of task queues. */
const kinds = { steps: 2, runs: 1 } as const;

/** The backlogs of the queues, in order; tasks of runs are told of where there are any, or workers for them. */
export async function queueBacklogs(client: Client, queues: readonly string[]): Promise<QueueBacklog[]> {
  for (const queue of queues) {
    if (typeof queue === 'string' && queue !== '') continue;
    throw new EvertrainError('USER_OPTION_INVALID', `queues: ${show(queue)} is not the name of a queue.`, {
      value: queue,
      remedy: 'Pass names of queues.',
    });
  }
  const asked = queues.flatMap((queue) => [backlog(client, queue, 'steps'), backlog(client, queue, 'runs')]);
  const isOfUse = ({ kind, waiting, workers }: QueueBacklog) => kind === 'steps' || waiting > 0 || workers > 0;
  return (await Promise.all(asked)).filter(isOfUse);
}

async function backlog(client: Client, queue: string, kind: QueueBacklog['kind']): Promise<QueueBacklog> {
  const { stats, pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: kinds[kind],
    reportStats: true,
  });
  return {
    queue,
    kind,
    waiting: Number(stats?.approximateBacklogCount ?? 0),
    oldestSeconds: Number(stats?.approximateBacklogAge?.seconds ?? 0),
    added: rounded(stats?.tasksAddRate),
    taken: rounded(stats?.tasksDispatchRate),
    workers: new Set((pollers ?? []).map(({ identity }) => identity)).size,
  };
}

function rounded(rate: number | null | undefined): number {
  return Math.round((rate ?? 0) * 100) / 100;
}
