import { scheduleActivity, sleep } from '@temporalio/workflow';
import { checkRoom } from '../history-room.js';
import { builtIn } from '../protocol.js';
import type { SensorAnswer, SensorRequest } from './condition.js';
import { sensorTimedOut } from './timed-out.js';

/** After the death of a worker in the middle of a look. */
const soonMs = 10_000;

/**
 * One activity, tried again and again by the engine with the delay that each look asks for, so that a wait of any length
 * has three events. A time is a timer.
 */
export function waitForSensor(request: SensorRequest, id: string): Promise<SensorAnswer> {
  checkRoom(id);
  const { condition, everyMs } = request;
  const summary = `${id}: until ${condition.words}`;
  if (condition.kind === 'time') return untilTime(request, condition.at, summary);
  const interval = Math.min(everyMs, soonMs);
  return scheduleActivity<SensorAnswer>(builtIn.sensor, [request], {
    activityId: id,
    startToCloseTimeout: 600_000,
    heartbeatTimeout: 10_000,
    retry: { initialInterval: interval, maximumInterval: interval, backoffCoefficient: 1 },
    summary,
  });
}

async function untilTime(request: SensorRequest, at: string, summary: string): Promise<SensorAnswer> {
  const waitMs = Math.max(1, new Date(at).getTime() - Date.now());
  const { timeoutMs = waitMs, onTimeout } = request;
  await sleep(Math.min(waitMs, timeoutMs), { summary });
  if (waitMs <= timeoutMs) return { met: true, facts: { at } };
  if (onTimeout === 'skip') return { met: false };
  throw sensorTimedOut(request, 'that is later');
}
