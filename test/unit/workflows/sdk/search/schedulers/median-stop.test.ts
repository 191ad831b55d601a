import { describe, expect, it } from 'vitest';
import { medianStop, openStopper } from '../../../../../../workflows/sdk/search/schedulers/median-stop.js';
import { seeded } from '../../../../../support/random.js';

describe('the median rule', () => {
  it('stops a trial whose best value is below the median of what others had on average', () => {
    const stopper = openStopper(medianStop());
    for (const [trial, values] of [
      [0.2, 0.4],
      [0.4, 0.6],
      [0.6, 0.8],
    ].entries()) {
      for (const [epoch, value] of values.entries()) expect(stopper.reported(trial, epoch + 1, value)).toBe(false);
      stopper.ended(trial);
    }
    // Averages after two epochs: 0.3, 0.5, 0.7.
    expect(stopper.reported(3, 1, 0.45)).toBe(false);
    expect(stopper.reported(3, 2, 0.1)).toBe(true);
    // 0.275, 0.3, 0.5, 0.7: the trial that was stopped counts. The median itself is good enough.
    expect(stopper.reported(4, 2, 0.4)).toBe(false);
    expect(stopper.reported(5, 2, 0.39)).toBe(true);
    // 0.275, 0.3, 0.39, 0.4, 0.5, 0.7.
    expect(stopper.reported(6, 2, 0.396)).toBe(false);
    expect(stopper.reported(7, 1, 0.1)).toBe(true);
  });

  it('stops nobody in the grace time, nor while too few have come as far', () => {
    const stopper = openStopper(medianStop({ grace: 3, minTrials: 2 }));
    for (const trial of [0, 1]) for (const epoch of [1, 2, 3]) stopper.reported(trial, epoch, 1);
    stopper.reported(0, 4, 1);
    expect([1, 2].map((epoch) => stopper.reported(2, epoch, 0))).toEqual([false, false]);
    expect(stopper.reported(2, 3, 0)).toBe(true);
    for (const epoch of [1, 2]) stopper.reported(3, epoch, 0);
    expect(stopper.reported(3, 4, 0)).toBe(false);
  });

  it('ignores what an attempt repeats, and values that are not finite; a trial that is stopped stays so', () => {
    const stopper = openStopper(medianStop({ minTrials: 1 }));
    expect(stopper.reported(0, 2, 0.5)).toBe(false);
    for (const epoch of [2, 1]) expect(stopper.reported(0, epoch, 100)).toBe(false);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(stopper.reported(0, 3, value)).toBe(false);
    expect(stopper.reported(1, 2, 0.6)).toBe(false);
    expect(stopper.reported(2, 2, 0.5)).toBe(true);
    expect(stopper.reported(2, 2, 0.5)).toBe(true);
    expect(stopper.reported(2, 3, 1)).toBe(true);
  });

  it('answers as the rule worked out anew from all reports', () => {
    let stops = 0;
    for (let seed = 0; seed < 10; seed++) {
      const random = seeded(seed);
      const rule = { grace: seed % 4, minTrials: 1 + (seed % 3) };
      const stopper = openStopper(medianStop(rule));
      const reports: Report[] = [];
      const stopped = new Set<number>();
      for (let report = 0; report < 300; report++) {
        const trial = Math.floor(random() * 12);
        const last = reports.findLast((one) => one.trial === trial)?.at;
        const at = (last ?? 0) + Math.floor(random() * 4);
        const value = Math.floor(random() * 10) / 20 + trial / 20;
        if (!stopped.has(trial) && (last === undefined || at > last)) {
          reports.push({ trial, at, value });
          if (isBelowMedian(reports, rule)) stopped.add(trial);
        }
        expect(stopper.reported(trial, at, value), `report ${report} of ${seed}`).toBe(stopped.has(trial));
      }
      stops += stopped.size;
    }
    expect(stops).toBeGreaterThan(20);
  });

  it.each<[string, () => unknown, string]>([
    ['half an epoch', () => medianStop({ grace: 0.5 }), 'medianStop: grace is 0.5. Use a whole number from 0.'],
    ['no other trial', () => medianStop({ minTrials: 0 }), 'medianStop: minTrials is 0'],
    ['a field that is none', () => medianStop({ minTrial: 3 } as object), 'Did you mean "minTrials"?'],
    ['what no maker made', () => openStopper({ kind: 'median-stop', grace: -1, minTrials: 3 }), 'grace is -1'],
  ])('refuses %s', (_, make, message) => {
    const code = expect.stringMatching(/^USER_OPTION_(INVALID|UNKNOWN)$/) as unknown;
    const refusal = { code, message: expect.stringContaining(message) as unknown };
    expect(make).toThrow(expect.objectContaining(refusal) as unknown as Error);
  });
});

interface Report {
  readonly trial: number;
  readonly at: number;
  readonly value: number;
}

/** Whether the last report stops its trial. */
function isBelowMedian(reports: readonly Report[], rule: { grace: number; minTrials: number }): boolean {
  const { trial, at } = reports.at(-1) ?? { trial: 0, at: 0 };
  const others = [...new Set(reports.map((report) => report.trial))].filter((other) => other !== trial);
  const averages = others.flatMap((other) => {
    const own = reports.filter((report) => report.trial === other);
    const values = own.filter((report) => report.at <= at).map(({ value }) => value);
    const hasComeAsFar = own.some((report) => report.at >= at);
    return hasComeAsFar && values.length > 0 ? [values.reduce((sum, value) => sum + value, 0) / values.length] : [];
  });
  averages.sort((a, b) => a - b);
  const middle = (averages.length - 1) / 2;
  const median = ((averages[Math.floor(middle)] ?? 0) + (averages[Math.ceil(middle)] ?? 0)) / 2;
  const best = Math.max(...reports.filter((report) => report.trial === trial).map(({ value }) => value));
  return at >= rule.grace && averages.length >= rule.minTrials && best < median;
}
