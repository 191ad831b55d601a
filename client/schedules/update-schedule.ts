import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, ScheduleClient } from '@temporalio/client';
import type { ScheduleDefinition } from '../../workflows/sdk/schedule/schedule.js';
import { engineSchedule, keptRules } from './engine-schedule.js';
import { ruleDifferences } from './plan-schedules.js';

/** The engine records what it is told, and heeds it a moment later. */
export const heedsWithinMs = 10_000;

/**
 * Gives a schedule that the engine keeps other rules; whether it is paused stays. The engine drops, without a word, a
 * change made from a state that is not the newest: then it is made again, from what the schedule is now. False where it
 * is not kept within 10 s.
 */
export async function updateSchedule(
  client: Client,
  declared: ScheduleDefinition,
  project: string | undefined,
): Promise<boolean> {
  const { scheduleId, ...options } = engineSchedule(declared, project);
  const { schedule } = client;
  let before = '';
  for (const until = Date.now() + heedsWithinMs; Date.now() < until; await sleep(100)) {
    const found = await schedule.getHandle(scheduleId).describe();
    if (ruleDifferences(keptRules(found), declared.rules, project).length === 0) return true;
    const token = Buffer.from(found.raw.conflictToken ?? []);
    if (token.toString('hex') === before) continue;
    before = token.toString('hex');
    await unlessChanged(client, token)
      .getHandle(scheduleId)
      .update(() => ({ ...options, state: found.state }));
  }
  return false;
}

/** The SDK has the token by which the engine tells that a schedule was changed meanwhile, and does not send it. */
function unlessChanged({ connection, options }: Client, conflictToken: Uint8Array): ScheduleClient {
  const { namespace, identity, dataConverter } = options;
  const { workflowService } = connection;
  const updateSchedule = (request: Parameters<typeof workflowService.updateSchedule>[0]) =>
    workflowService.updateSchedule({ ...request, conflictToken });
  const service: unknown = Object.create(workflowService, { updateSchedule: { value: updateSchedule } });
  const place = Object.create(connection, { workflowService: { value: service } }) as typeof connection;
  return new ScheduleClient({ connection: place, namespace, identity, dataConverter });
}
