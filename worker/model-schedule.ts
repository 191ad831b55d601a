import { type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { EvertrainError } from '../workflows/sdk/errors.js';
import { type ModelSchedule, modelWorkflowId, tickWorkflowType } from '../workflows/sdk/model/messages.js';
import { defaultQueue } from '../workflows/sdk/protocol.js';

/** Makes the engine keep the schedule of a model, in place of the one it had; safe to repeat. */
export async function keepSchedule({ schedule }: Client, { model, cron }: ModelSchedule): Promise<void> {
  const scheduleId = `${modelWorkflowId(model)}/retrain`;
  const handle = schedule.getHandle(scheduleId);
  if (cron === undefined) {
    await handle.delete().catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
    return;
  }
  const spec = { cronExpressions: [cron] };
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 minute' } as const;
  const action = {
    type: 'startWorkflow',
    workflowType: tickWorkflowType,
    workflowId: `${scheduleId}/tick`,
    taskQueue: defaultQueue,
    args: [model],
  } as const;
  try {
    await schedule.create({ scheduleId, spec, policies, action }).catch(async (error: unknown) => {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      await handle.update((kept) => ({ ...kept, spec, policies, action }));
    });
  } catch (error) {
    throw refused(cron, error);
  }
}

/** The SDK tells what the engine finds wrong with a schedule as a TypeError. */
function refused(cron: string, error: unknown): unknown {
  if (!(error instanceof TypeError)) return error;
  return new EvertrainError('USER_OPTION_INVALID', `The engine keeps no schedule "${cron}": ${error.message}.`, {
    value: cron,
    remedy: 'Correct `retrainWhen.schedule` of the model, or configure it.',
    cause: error,
  });
}
