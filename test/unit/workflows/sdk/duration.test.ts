import { describe, expect, it } from 'vitest';
import { type Duration, durationMs } from '../../../../workflows/sdk/duration.js';

describe('a duration', () => {
  it.each<[Duration, number]>([
    [250, 250],
    ['90s', 90_000],
    ['10m', 600_000],
    ['1.5 hours', 5_400_000],
    ['2 h', 7_200_000],
    ['1 day', 86_400_000],
    ['2w', 1_209_600_000],
    ['5ms', 5],
  ])('%s is %d ms', (duration, ms) => {
    expect(durationMs(duration, 'wait')).toBe(ms);
  });

  it.each([
    0,
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '',
    '6 hourz',
    '10',
    's',
    '-1s',
    '1e3s',
    '0s',
    'toString',
    null,
  ])('%s is refused, with the name of the option', (duration) => {
    const invalid = expect.objectContaining({ code: 'USER_OPTION_INVALID' }) as unknown as Error;
    expect(() => durationMs(duration as Duration, 'step "x": timeout')).toThrow(invalid);
    expect(() => durationMs(duration as Duration, 'step "x": timeout')).toThrow(/^step "x": timeout: /);
  });
});
