import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schedule, type ScheduleOptions, type When } from '../../workflows/sdk/index.js';
import { scheduleId } from '../../workflows/sdk/protocol.js';
import { firesWithin } from '../../workflows/sdk/schedule/timing.js';
import type { ScheduleDefinition } from '../../workflows/sdk/schedule/schedule.js';
import { dated } from '../fixtures/durability/dated.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

const soon = { timeout: 30_000 };
let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
  await fixture.worker();
});
afterAll(() => fixture?.close());

const inputOf = (under: string) => ({ effects: fixture.effects.url, under });
const apply = (...schedules: ScheduleDefinition[]) => fixture.evertrain.schedules.apply({ schedules });
const show = (name: string) => fixture.evertrain.schedules.show(name);

async function engineFires(name: string, from: number, to: number): Promise<number[]> {
  const { workflowService, options } = fixture.evertrain.client;
  const stamp = (ms: number) => ({ seconds: Math.floor(ms / 1_000) as never, nanos: 0 });
  const { startTime } = await workflowService.listScheduleMatchingTimes({
    namespace: options.namespace,
    scheduleId: scheduleId(name),
    startTime: stamp(from - 1_000),
    endTime: stamp(to - 1_000),
  });
  return (startTime ?? []).map(({ seconds }) => Number(seconds) * 1_000);
}

describe('a schedule', () => {
  it('starts a run at each fire time, which knows it and the time since the one before', async () => {
    const every = schedule(dated, { every: '1s' }, { name: 'often', input: inputOf('often'), overlap: 'allow-all' });
    expect(await apply(every)).toEqual([{ kind: 'created', name: 'often' }]);
    await expect.poll(async () => (await show('often')).recent.length, soon).toBeGreaterThanOrEqual(2);
    await fixture.evertrain.schedules.pause('often', 'enough');
    const [first] = (await show('often')).recent;
    const run = fixture.evertrain.attach(dated, first?.workflowId ?? '');
    const result = await run.result();
    const at = first?.plannedAt ?? 0;
    expect(first?.workflowId).toBe(`dated/often-${new Date(at).toISOString().replace('.000Z', 'Z')}`);
    const [start, end] = [at - 1_000, at].map((ms) => new Date(ms).toISOString());
    expect(result).toEqual({ outcome: 'completed', output: { date: end, start, end } });
    expect((await run.view()).planned).toEqual({
      schedule: 'often',
      logicalDate: at,
      interval: { start: at - 1_000, end: at },
    });
    expect(fixture.effects.count(`often/${end}`)).toBe(1);
  });

  it.each<[what: string, When | When[], Pick<ScheduleOptions<typeof dated>, 'timeZone' | 'except' | 'start' | 'end'>]>([
    ['each hour', '@hourly', { timeZone: 'Europe/Berlin' }],
    ['at a time that clocks skip, and show twice, in the east', '30 2 * * *', { timeZone: 'Europe/Berlin' }],
    ['at a time that clocks skip, and show twice, in the west', '*/20 1-2 * * *', { timeZone: 'America/New_York' }],
    ['on leap days', '0 12 29 2 *', { timeZone: 'Asia/Kathmandu' }],
    [
      'but at what is excluded',
      [
        { hour: '6-18/4', minute: '*/20', dayOfWeek: 'MON-FRI' },
        { every: '7h', offset: '11m' },
      ],
      {
        timeZone: 'Pacific/Auckland',
        except: ['2026-03-30', { dayOfWeek: 'WED' }],
        start: '2026-03-05',
        end: '2026-11-12T12:00',
      },
    ],
  ])('fires when the engine says so: %s', async (what, when, options) => {
    const declared = schedule(dated, when, { ...options, name: 'compared', input: inputOf('') });
    const { timing } = declared.rules;
    await apply(declared);
    // The engine lists a thousand at most.
    const ranges = [
      [Date.UTC(2026, 2, 20), Date.UTC(2026, 3, 12)],
      [Date.UTC(2026, 9, 18), Date.UTC(2026, 10, 15)],
      ...(what === 'on leap days' ? [[Date.UTC(2026, 0, 1), Date.UTC(2060, 0, 1)]] : []),
    ];
    for (const [from = 0, to = 0] of ranges) {
      const isoOf = (time: number) => new Date(time).toISOString();
      expect(firesWithin(timing, from, to).map(isoOf)).toEqual((await engineFires('compared', from, to)).map(isoOf));
    }
  });
});
