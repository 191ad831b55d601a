import { describe, expect, it } from 'vitest';
import { pipeline, schedule, type ScheduleOptions, type When } from '../../../../../workflows/sdk/index.js';
import { planOf } from '../../../../../workflows/sdk/schedule/plan-of.js';
import { firesWithin, intervalOf } from '../../../../../workflows/sdk/schedule/timing.js';

// That the engine fires at these times is shown by test/durability/schedules.test.ts.
const run = pipeline('timed.run', {}, () => Promise.resolve(1));
const timingOf = (when: When | When[], options: ScheduleOptions<typeof run> = {}) =>
  schedule(run, when, options).rules.timing;
const isoOf = (time: number) => new Date(time).toISOString().replace(':00.000Z', 'Z');
const intervalText = (timing: ReturnType<typeof timingOf>, date: string) => {
  const found = intervalOf(timing, Date.parse(date));
  return found && [isoOf(found.start), isoOf(found.end)];
};
const fires = (timing: ReturnType<typeof timingOf>, from: string, to: string) =>
  firesWithin(timing, Date.parse(from), Date.parse(to)).map(isoOf);

describe('the interval of a date', () => {
  it('goes from the fire time before until its own', () => {
    expect(intervalText(timingOf('@monthly'), '2026-03-01T00:00Z')).toEqual(['2026-02-01T00:00Z', '2026-03-01T00:00Z']);
    expect(intervalText(timingOf('0 0 29 2 *'), '2096-02-29T00:00Z')).toEqual([
      '2092-02-29T00:00Z',
      '2096-02-29T00:00Z',
    ]);
  });

  it('is the last whole one, of a date in between', () => {
    const date = '2026-03-01T12:34:56Z';
    expect(intervalText(timingOf('@daily'), date)).toEqual(['2026-02-28T00:00Z', '2026-03-01T00:00Z']);
  });

  it('covers what is left out, and the day that clocks skip', () => {
    const workdays = timingOf('0 6 * * *', { except: [{ dayOfWeek: 'SAT,SUN' }, '2026-05-01'] });
    expect(intervalText(workdays, '2026-05-04T06:00Z')).toEqual(['2026-04-30T06:00Z', '2026-05-04T06:00Z']);
    const night = timingOf('30 2 * * *', { timeZone: 'Europe/Berlin' });
    expect(intervalText(night, '2026-03-30T00:30Z')).toEqual(['2026-03-28T01:30Z', '2026-03-30T00:30Z']);
  });

  it('is none where there is no fire time before', () => {
    expect(intervalText(timingOf('@once', { start: '2026-05-01' }), '2026-05-01T00:00Z')).toBeUndefined();
    expect(planOf({ schedule: 's', timing: timingOf('@once', { start: '2026-05-01' }) }, '2026-05-01T00:00Z')).toEqual({
      schedule: 's',
      date: '2026-05-01T00:00Z',
    });
  });

  it.each<[string, When | When[]]>([
    ['Europe/Berlin', '*/15 * * * *'],
    ['America/New_York', '*/20 0-4 * * *'],
    ['Australia/Lord_Howe', '@hourly'],
    ['Pacific/Apia', ['@daily', { every: '7h', offset: '11m' }]],
  ])('leaves no gap between runs where clocks are put, in %s', (timeZone, when) => {
    const timing = timingOf(when, { timeZone });
    for (const [from, to] of [
      ['2026-03-07', '2026-03-10'],
      ['2026-03-28', '2026-03-30'],
      ['2026-04-04', '2026-04-06'],
      ['2026-10-03', '2026-10-05'],
      ['2026-10-24', '2026-10-26'],
      ['2026-10-31', '2026-11-02'],
    ] as const) {
      const times = firesWithin(timing, Date.parse(from), Date.parse(to));
      for (const [n, end] of times.entries()) {
        if (n > 0) expect(intervalOf(timing, end)).toEqual({ start: times[n - 1], end });
      }
    }
  });
});

describe('fire times', () => {
  it('lie within start and end, both included', () => {
    const timing = timingOf('@daily', { start: '2026-02-27', end: '2026-03-01' });
    expect(fires(timing, '2026-01-01', '2027-01-01')).toEqual([
      '2026-02-27T00:00Z',
      '2026-02-28T00:00Z',
      '2026-03-01T00:00Z',
    ]);
  });

  it('of several wishes are their union, each once', () => {
    const timing = timingOf([{ every: '12h' }, '0 0,6 * * *', { dayOfWeek: 'SUN', hour: 6 }]);
    expect(fires(timing, '2026-03-01', '2026-03-02')).toEqual([
      '2026-03-01T00:00Z',
      '2026-03-01T06:00Z',
      '2026-03-01T12:00Z',
    ]);
  });
});
