import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Calendar, type Duration, schedule, type ScheduleOptions, type When } from '../../workflows/sdk/index.js';
import { scheduleId } from '../../workflows/sdk/schedule/messages.js';
import { firesWithin } from '../../workflows/sdk/schedule/timing.js';
import type { ScheduleDefinition } from '../../workflows/sdk/schedule/schedule.js';
import { dated } from '../fixtures/durability/dated.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';
import { webhookReceiver } from '../support/webhook-receiver.js';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const soon = { timeout: 60_000 };
let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  fixture = await durableProject();
  worker = await fixture.worker();
});
afterAll(() => fixture?.close());

const inputOf = (under: string) => ({ effects: fixture.effects.url, under });
const apply = (...schedules: ScheduleDefinition[]) => fixture.evertrain.schedules.apply({ schedules });
const show = (name: string) => fixture.evertrain.schedules.show(name);

function calendarOf(time: number): Calendar {
  const date = new Date(time);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    dayOfMonth: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

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
    ['at half the hours of a night', '10,40 0-6/2 * * *', { timeZone: 'Europe/Berlin' }],
    ['each quarter of an hour', '*/15 1-4 * * *', { timeZone: 'Europe/Berlin' }],
    ['each quarter of an hour, in the west', '*/15 * * * SUN', { timeZone: 'America/Chicago' }],
    ['where clocks are put by half an hour', '*/20 0-4 * * *', { timeZone: 'Australia/Lord_Howe' }],
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

  it('is paused by people, which applying it again leaves as it is, and triggered all the same', async () => {
    const { schedules } = fixture.evertrain;
    const nightly = (input: object) =>
      schedule(dated, '30 3 * * *', { name: 'nightly', ...input, input: inputOf('x') });
    await apply(nightly({}));
    await schedules.pause('nightly', 'ann: holidays');
    const [change] = (await apply(nightly({ catchUp: '2 days' }))).filter(({ name }) => name === 'nightly');
    expect(change).toEqual({
      kind: 'changed',
      name: 'nightly',
      differences: ['overlap: "skip" → "buffer-all"', 'catchUpMs: 60000 → 172800000'],
    });
    expect(await show('nightly')).toMatchObject({ paused: { reason: 'ann: holidays' }, runs: 0 });
    const before = Math.floor(Date.now() / 1_000) * 1_000;
    const run = await schedules.trigger('nightly');
    await run.result();
    const { planned } = await run.view();
    expect(planned?.logicalDate).toBeGreaterThanOrEqual(before);
    const night = 3.5 * hourMs;
    expect([
      ((planned?.interval?.end ?? 0) - night) % dayMs,
      ((planned?.interval?.start ?? 0) - night) % dayMs,
    ]).toEqual([0, 0]);
    const repeated = await fixture.evertrain.rerun(run, { from: 'effect', provenance: false });
    expect(await repeated.result()).toEqual(await run.result());
    await schedules.resume('nightly', 'ann');
    expect((await show('nightly')).paused).toBeUndefined();
    await schedules.delete('nightly');
    await expect(show('nightly')).rejects.toMatchObject({ code: 'USER_SCHEDULE_UNKNOWN' });
  });

  it('stays paused that somebody pauses between what is read of it and what is written', async () => {
    const { schedules, client } = fixture.evertrain;
    const hourly = (catchUp: Duration) =>
      schedule(dated, '@hourly', { name: 'contested', catchUp, input: inputOf('x') });
    await apply(hourly('1 hour'));
    const { workflowService } = client;
    const update = workflowService.updateSchedule.bind(workflowService);
    const spy = vi.spyOn(workflowService, 'updateSchedule');
    spy.mockImplementationOnce(async (request: Parameters<typeof update>[0]) => {
      await schedules.pause('contested', 'bob');
      return update(request);
    });
    await apply(hourly('2 hours'));
    expect(spy).toHaveBeenCalledTimes(2);
    spy.mockRestore();
    expect(await show('contested')).toMatchObject({ paused: { reason: 'bob' }, rules: { catchUpMs: 2 * hourMs } });
  });

  it('is deleted with its declaration where the project has a name, and left where none says whose it is', async () => {
    const { schedules } = fixture.evertrain;
    const one = schedule(dated, '@yearly', { name: 'one', input: inputOf('x') });
    const other = schedule(dated, '@yearly', { name: 'other', input: inputOf('x') });
    await schedules.apply({ schedules: [one], projectName: 'ours' });
    await apply(other);
    const seen = async (...args: Parameters<typeof schedules.plan>) =>
      (await schedules.plan(...args)).filter(({ name }) => name === 'one' || name === 'other');
    // The engine lists what it has just been given a moment later.
    await expect.poll(async () => (await schedules.list()).length, soon).toBeGreaterThanOrEqual(2);
    expect(await seen({ schedules: [], projectName: 'ours' })).toEqual([{ kind: 'deleted', name: 'one' }]);
    expect(await seen({ schedules: [] })).toEqual([{ kind: 'left', name: 'other' }]);
    expect(await seen({ schedules: [] }, { prune: true })).toEqual([{ kind: 'deleted', name: 'other' }]);
    expect(await seen({ schedules: [one], projectName: 'ours' })).toEqual([{ kind: 'unchanged', name: 'one' }]);
  });

  it('that is changed leaves the run at work alone, and skips a time for it', async () => {
    const { effects, evertrain } = fixture;
    const often = (under: string) => schedule(dated, { every: '1s' }, { name: 'edited', input: inputOf(under) });
    effects.slowDown(() => 3_000);
    await apply(often('before'));
    await expect.poll(async () => (await show('edited')).running.length, soon).toBe(1);
    const [first] = (await show('edited')).recent;
    await apply(often('after'));
    await expect.poll(async () => (await show('edited')).skipped, soon).toBeGreaterThan(0);
    effects.slowDown(() => 0);
    await expect.poll(async () => (await show('edited')).runs, soon).toBeGreaterThan(1);
    await evertrain.schedules.pause('edited', 'enough');
    expect((await evertrain.attach(first?.workflowId ?? '').view()).input).toMatchObject({ under: 'before' });
    const second = (await show('edited')).recent.at(-1)?.workflowId ?? '';
    expect((await evertrain.attach(second).view()).input).toMatchObject({ under: 'after' });
  });

  it('makes up for three fire times that the engine was down over, or has people told of them, once', async () => {
    const { effects, engine, evertrain } = fixture;
    const first = Math.ceil(Date.now() / 1_000) * 1_000 + 4_000;
    const times = [first, first + 1_000, first + 2_000];
    const of = (name: string, catchUp: Duration) =>
      schedule(dated, times.map(calendarOf), { name, catchUp, input: inputOf(name) });
    await apply(of('late', '1 hour'), of('never', '10s'));
    // The engine has begun to look after them.
    for (const name of ['late', 'never']) await expect.poll(async () => (await show(name)).next.length, soon).toBe(3);
    await engine.kill();
    // Ten seconds are the least that the engine catches up.
    await setTimeout(first + 12_500 - Date.now());
    await engine.restart();
    await expect.poll(async () => (await show('late')).runs, soon).toBe(3);
    await expect.poll(async () => (await show('never')).missed, soon).toBe(3);
    expect((await show('never')).runs).toBe(0);
    const dates = times.map((time) => new Date(time).toISOString());
    await expect.poll(() => dates.map((date) => effects.count(`late/${date}`)), soon).toEqual([1, 1, 1]);
    await worker.kill();
    const receiver = await webhookReceiver();
    const workers = [await fixture.worker({ webhook: receiver.url }), await fixture.worker({ webhook: receiver.url })];
    await expect.poll(() => receiver.received.length, soon).toBe(1);
    expect(receiver.received[0]?.body).toMatchObject({
      kind: 'schedule-missed',
      facts: { schedule: 'never', missed: 3 },
    });
    await expect
      .poll(() => evertrain.client.workflow.getHandle('schedule/never/missed/3').describe(), soon)
      .toMatchObject({ status: { name: 'COMPLETED' } });
    await Promise.all(workers.map((one) => one.kill()));
    await receiver.down();
    expect(receiver.received).toHaveLength(1);
  }, 180_000);
});
