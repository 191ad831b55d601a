import type { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Runtime } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Looks, Seen } from '../../../../activities/sensors/look.js';
import { sensorActivity } from '../../../../activities/sensors/sensor-activity.js';
import { installRuntime } from '../../../../worker/log.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import type { SensorRequest } from '../../../../workflows/sdk/sensors/condition.js';

beforeAll(() => installRuntime('ERROR'));
// No worker ends it, and the next file in this process may want one of its own.
afterAll(() => Runtime.instance().shutdown());

const request: SensorRequest = {
  name: 'file',
  condition: { kind: 'object', uri: '/x', words: '/x exists' },
  everyMs: 60_000,
};
const notThere: Seen = { met: false, said: 'nothing is there yet' };
const away = new EvertrainError('SYSTEM_STORE_UNAVAILABLE', 'The disk is away.');

/** The look of an attempt that begins so long after the first one; what it answers or throws. */
async function look(seen: Seen | Error, options: Partial<SensorRequest> = {}, attempt = 1, afterMs = 0) {
  const looks = { object: () => (seen instanceof Error ? Promise.reject(seen) : Promise.resolve(seen)) };
  const times = { scheduledTimestampMs: 5, currentAttemptScheduledTimestampMs: 5 + afterMs };
  const environment = new MockActivityEnvironment({ attempt, ...times });
  const run = sensorActivity(looks as unknown as Looks) as (given: SensorRequest) => Promise<unknown>;
  return environment.run(run, { ...request, ...options }).catch((error: unknown) => error as ApplicationFailure);
}

async function delayOf(options: Partial<SensorRequest>, attempt: number, afterMs = 0): Promise<number> {
  return Number(((await look(notThere, options, attempt, afterMs)) as ApplicationFailure).nextRetryDelay);
}

describe('a look of a sensor', () => {
  it('answers what it found', async () => {
    expect(await look({ met: true, facts: { uri: '/x' } })).toEqual({ met: true, facts: { uri: '/x' } });
  });

  it('asks for the next one after the wait, which may grow, and up to a tenth sooner', async () => {
    const within = async (longestMs: number, options: Partial<SensorRequest>, attempt: number) => {
      const delay = await delayOf(options, attempt);
      expect(delay).toBeLessThanOrEqual(longestMs);
      expect(delay).toBeGreaterThanOrEqual(longestMs * 0.9);
    };
    await within(60_000, {}, 1);
    await within(60_000, {}, 1_000);
    await within(240_000, { backoff: 2 }, 3);
    await within(3_600_000, { backoff: 2 }, 1_000);
    await within(90_000, { backoff: 2, maxEveryMs: 90_000 }, 9);
    await within(7_200_000, { everyMs: 7_200_000, backoff: 2 }, 9);
  });

  it('is the last one at the end of the time, by the clock of the engine', async () => {
    const within = { timeoutMs: 100_000 };
    expect(await delayOf(within, 2, 60_000)).toBeGreaterThan(39_000);
    expect(await delayOf(within, 2, 60_000)).toBeLessThanOrEqual(40_000);
    expect(await look(notThere, within, 3, 100_000)).toMatchObject({
      type: 'GATE_SENSOR_TIMED_OUT',
      nonRetryable: true,
    });
    expect(await look(notThere, { ...within, onTimeout: 'skip' }, 3, 100_000)).toEqual({ met: false });
    expect(await look({ met: true, facts: 1 }, within, 3, 200_000)).toEqual({ met: true, facts: 1 });
  });

  it('that could not be made is waited out, and is the failure when the time is over', async () => {
    const within = { timeoutMs: 100_000, onTimeout: 'skip' } as const;
    const failed = {
      type: 'SYSTEM_STORE_UNAVAILABLE',
      nonRetryable: false,
      nextRetryDelay: expect.any(Number) as number,
    };
    expect(await look(away, within)).toMatchObject(failed);
    expect(await look(away, within, 3, 100_000)).toMatchObject({
      type: 'SYSTEM_STORE_UNAVAILABLE',
      nonRetryable: true,
    });
    const wrong = new EvertrainError('USER_SENSOR_FAILED', 'The query has an error.');
    expect(await look(wrong)).toMatchObject({ type: 'USER_SENSOR_FAILED', nonRetryable: true });
  });
});
