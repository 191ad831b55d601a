import { describe, expect, it } from 'vitest';
import { cloudEvents } from '../../../../client/events/cloud-events.js';

const type = 'application/cloudevents+json';
const event = {
  specversion: '1.0',
  id: 'A234-1234',
  source: '/mycontext',
  type: 'com.example.someevent',
  data: { rows: 1 },
};
const told = { id: '/mycontext#A234-1234', type: 'com.example.someevent', data: { rows: 1 } };

describe('CloudEvents', () => {
  it('come in the body, in headers, and several at once', () => {
    expect(cloudEvents(type, {}, { ...event, time: '2018-04-05T17:31:00Z' })).toEqual([
      { ...told, at: Date.UTC(2018, 3, 5, 17, 31) },
    ]);
    const encoded = Buffer.from('{"rows":1}').toString('base64');
    expect(cloudEvents(type, {}, { ...event, data: undefined, data_base64: encoded })).toEqual([told]);
    const headers = {
      ...{
        'ce-specversion': '1.0',
        'ce-id': 'A234-1234',
        'ce-source': '/mycontext',
        'ce-type': 'com.example.someevent',
      },
    };
    expect(cloudEvents('application/json', headers, { rows: 1 })).toEqual([told]);
    const several = [event, { ...event, id: 'Ä' }];
    const found = cloudEvents('application/cloudevents-batch+json', {}, several);
    expect(found?.map(({ id }) => id)).toEqual([told.id, expect.stringMatching(/^sha256-[0-9a-f]{64}$/)]);
  });

  it('are told from other requests', () => {
    expect(cloudEvents('application/json', {}, event)).toBeUndefined();
  });

  it('of two sources are never taken for one', () => {
    const ids = [
      { source: 'a', id: 'b#c' },
      { source: 'a#b', id: 'c' },
      { source: 'a', id: 'b c' },
    ].map((one) => cloudEvents(type, {}, { ...event, ...one })?.[0]?.id);
    expect(new Set(ids).size).toBe(3);
  });

  it.each<[what: string, given: unknown, says: string]>([
    ['nothing', null, 'an event is null'],
    ['another version', { ...event, specversion: '0.3' }, 'specversion is "0.3"'],
    ['no id', { ...event, id: '' }, 'id is ""'],
    ['a number as its source', { ...event, source: 1 }, 'source is 1'],
    ['no type', { ...event, type: undefined }, 'type is undefined'],
    ['a time that is none', { ...event, time: 'noon' }, 'time is "noon"'],
    ['data that is not JSON', { ...event, data_base64: 'aGVsbG8=' }, 'data_base64 is "aGVsbG8="'],
  ])('are refused with %s', (_, given, says) => {
    expect(() => cloudEvents(type, {}, given)).toThrow(says);
  });

  it('are refused as a batch that is no list, and with a header that is not percent-encoded', () => {
    expect(() => cloudEvents('application/cloudevents-batch+json', {}, {})).toThrow('the batch is {}');
    const headers = { 'ce-specversion': '1.0', 'ce-id': '%', 'ce-source': '/s', 'ce-type': 't' };
    expect(() => cloudEvents('application/json', headers, {})).toThrow('id is "%"');
  });
});
