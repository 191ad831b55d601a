import { describe, expect, it } from 'vitest';
import { parseEvent } from '../../../../../activities/sdk/jobs/job-event.js';

describe('parseEvent', () => {
  it('reads each kind of event', () => {
    const events = [
      { kind: 'progress', fraction: 0.5, message: 'half' },
      { kind: 'metric', name: 'loss', value: 0.25, at: 3 },
      { kind: 'checkpoint', path: 'model.bin', meta: { epoch: 3 }, id: 1 },
      { kind: 'log', level: 'warn', message: 'careful' },
    ];
    for (const event of events) expect(parseEvent(JSON.stringify(event))).toEqual(event);
  });

  it('says what is wrong with a malformed one', () => {
    expect(parseEvent('{"kind":"metric","na')).toHaveProperty('malformed');
    expect(parseEvent('{"kind":"metric","name":"loss"}')).toEqual({ malformed: 'value: expected a number' });
    expect(parseEvent('{"kind":"party"}')).toHaveProperty('malformed');
  });

  it('refuses a number that JSON cannot hold', () => {
    for (const value of ['NaN', 'Infinity', '-Infinity']) {
      expect(() => parseEvent(`{"kind":"metric","name":"loss","value":${value}}`)).toThrow(
        expect.objectContaining({ code: 'USER_OUTPUT_INVALID' }),
      );
    }
  });
});
