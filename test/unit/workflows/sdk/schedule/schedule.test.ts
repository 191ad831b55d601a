import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { pipeline, project, schedule, type ScheduleOptions, type When } from '../../../../../workflows/sdk/index.js';

const run = pipeline('scheduled.run', {}, () => Promise.resolve(1));
const typed = pipeline('scheduled.typed', { input: z.object({ rows: z.int() }) }, () => Promise.resolve(1));

type Options = ScheduleOptions<typeof run>;

describe('what can never be', () => {
  it.each<[what: string, when: When | When[], options: Options, says: string]>([
    [
      'a minute that no clock shows',
      '61 * * * *',
      {},
      "minute is \"61\". Use 0 to 59, as in '*', '1-5', '1,3' or '*/2'.",
    ],
    ['a day that no month has', '0 0 31 2,4 *', {}, 'the date "dayOfMonth 31, month 2,4" never comes'],
    ['a leap day in a year without', { month: 2, dayOfMonth: 29, year: '2025-2027' }, {}, 'never comes'],
    ['a range that runs backwards', '0 5-3 * * *', {}, 'hour is "5-3"'],
    ['an unknown day', '0 0 * * MOO', {}, 'dayOfWeek is "MOO". Use 0 to 7 or SUN to SAT'],
    ['four fields', '0 0 * *', {}, 'Write five fields'],
    ['six fields', '0 0 0 * * *', {}, 'Write five fields'],
    ['days of month and week', '0 0 1 * MON', {}, '{ dayOfMonth, dayOfWeek }'],
    ['a mistyped word', '@dayly', {}, 'Did you mean "@daily"?'],
    ['no time at all', [], {}, 'says not when it fires'],
    ['once, without when', '@once', {}, "'@once' stands alone"],
    ['an offset longer than its interval', { every: '1h', offset: '2h' }, {}, 'shorter than `every`'],
    ['half a second', { every: 1_500 }, {}, 'Use whole seconds'],
    ['an unknown field', { hours: 3 } as never, {}, 'Did you mean "hour"?'],
    ['an unknown zone', '@daily', { timeZone: 'Europe/Berln' }, 'Did you mean "Europe/Berlin"?'],
    ['a zone by its offset', '@daily', { timeZone: '+02:00' }, 'which does not exist'],
    ['an end before the start', '@daily', { start: '2026-03-01', end: '2026-02-28' }, 'it ends (2026-02-28) before'],
    ['no fire time in between', '@yearly', { start: '2026-02-01', end: '2026-11-30' }, 'it never fires'],
    ['all excluded', '0 0 * * SAT', { except: [{ dayOfWeek: 'SAT,SUN' }] }, 'it never fires'],
    ['a day that does not exist', '@daily', { start: '2026-02-30' }, 'start is "2026-02-30", which is no date'],
    ['a day to leave out that does not exist', '@daily', { except: ['2026-13-01'] }, 'which is no date'],
    ['catching up for less than the engine does', '@daily', { catchUp: '5s' }, 'Use 10 seconds at least'],
    ['an unknown overlap', '@daily', { overlap: 'queue' as never }, 'Use one of: skip, buffer-one'],
    ['an unknown option', '@daily', { timezone: 'UTC' } as never, 'Did you mean "timeZone"?'],
    ['a name that is none', '@daily', { name: 'a b' }, 'is not a usable name'],
  ])('%s is refused, with what to do', (_, when, options, says) => {
    expect(() => schedule(run, when, options)).toThrow(says);
  });

  it('an input that the pipeline does not take is refused', () => {
    expect(() => schedule(typed, '@daily', { input: { rows: 'many' as never } })).toThrow('schedule "scheduled.typed"');
  });

  it('a schedule of a pipeline that the project does not serve is refused, and two of one name', () => {
    const daily = schedule(run, '@daily');
    expect(() => project({ pipelines: [typed], schedules: [daily] })).toThrow('the project has no pipeline');
    expect(() => project({ pipelines: [run], schedules: [daily, daily] })).toThrow('two schedules are named');
    const served = project({ name: 'p', pipelines: [run], schedules: [daily] });
    expect([served.schedules, served.projectName]).toEqual([[daily], 'p']);
  });
});

describe('a declaration', () => {
  it('says what it leaves out: skips while a run is open, catches up a minute; all dates, where catching up is asked', () => {
    expect(schedule(run, '@hourly').rules).toEqual({
      pipeline: 'scheduled.run',
      timing: {
        calendars: [{ second: '0', minute: '0', hour: '*', dayOfMonth: '*', month: '*', dayOfWeek: '*', year: '*' }],
        timeZone: 'UTC',
      },
      overlap: 'skip',
      catchUpMs: 60_000,
    });
    expect(schedule(run, '@daily', { catchUp: '2 days' }).rules).toMatchObject({ overlap: 'buffer-all' });
    expect(schedule(run, '@daily', { catchUp: '2 days', overlap: 'skip' }).rules).toMatchObject({ overlap: 'skip' });
  });

  it('takes days by clocks of its time zone, the last one as a whole', () => {
    const { timing } = schedule(run, '@once', { timeZone: 'Asia/Tokyo', start: '2026-05-01' }).rules;
    expect(timing).toEqual({ once: '2026-04-30T15:00:00Z', start: '2026-04-30T15:00:00Z', timeZone: 'Asia/Tokyo' });
    const ends = schedule(run, '@daily', { timeZone: 'America/New_York', end: '2026-03-08' }).rules;
    expect(ends.timing.end).toBe('2026-03-09T03:59:59Z');
  });
});
