import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { defaultQueue } from '../workflows/sdk/protocol.js';
import type { RunOptions } from '../workflows/sdk/run-options.js';
import { type MissedTimes, missedWorkflowType, scheduleId } from '../workflows/sdk/schedule/messages.js';
import { workerLog } from './log.js';
import { pause } from './pause.js';

const firstLookMs = 2_000;
const everyMs = 60_000;
/** Of an engine that did not answer. */
const againAfterMs = 5_000;

/**
 * Looks whether schedules of the project have missed fire times, as the engine was away for too long, and has people
 * told: by a tiny run whose id has the count, so that many workers tell once. Answers what ends the watch.
 */
export function watchSchedules(client: Client, project: string | undefined): () => Promise<void> {
  const stopped = new AbortController();
  const watch = async () => {
    for (let waitMs = firstLookMs; ; ) {
      await pause(waitMs, stopped.signal);
      if (stopped.signal.aborted) return;
      waitMs = await look(client, project, stopped.signal).then(
        () => everyMs,
        (error: unknown) => {
          workerLog.debug({ error }, 'schedules were not looked at; the next look sees the same');
          return againAfterMs;
        },
      );
    }
  };
  const watching = watch();
  return () => {
    stopped.abort();
    return watching;
  };
}

async function look(client: Client, project: string | undefined, signal: AbortSignal): Promise<void> {
  const prefix = scheduleId('');
  for await (const { scheduleId: id } of client.schedule.list()) {
    if (signal.aborted) return;
    if (!id.startsWith(prefix)) continue;
    const { action, info } = await client.schedule.getHandle(id).describe();
    const { planned } = (action.args?.[1] ?? {}) as RunOptions;
    const missed = info.numActionsMissedCatchupWindow;
    if (missed === 0 || planned?.timing === undefined || planned.project !== project) continue;
    const told: MissedTimes = { schedule: id.slice(prefix.length), pipeline: action.workflowType, missed };
    await tell(client, `${id}/missed/${missed}`, told);
  }
}

async function tell(client: Client, workflowId: string, told: MissedTimes): Promise<void> {
  try {
    await client.workflow.start(missedWorkflowType, {
      workflowId,
      taskQueue: defaultQueue,
      args: [told],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    });
    workerLog.warn(told, 'a schedule has missed fire times: the engine was away for longer than it catches up');
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
