import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toldObjects } from '../../../../client/events/object-events.js';
import type { ObjectFacts } from '../../../../workflows/sdk/sensors/condition.js';

const body = (name: string): unknown => JSON.parse(readFileSync(`test/fixtures/events/bodies/${name}.json`, 'utf8'));

const demo: ObjectFacts = {
  uri: 's3://amzn-s3-demo-bucket/in/Happy Faceé.jpg',
  sizeBytes: 1024,
  modifiedAt: '1970-01-01T00:00:00.000Z',
  etag: '"d41d8cd98f00b204e9800998ecf8427e"',
};

describe('a notification of an object', () => {
  it.each<[from: string, told: ObjectFacts]>([
    ['s3', demo],
    ['sns', demo],
    [
      'eventbridge',
      {
        uri: 's3://amzn-s3-demo-bucket1/example-key+1',
        sizeBytes: 5,
        modifiedAt: '2021-11-12T00:00:00.000Z',
        etag: '"b1946ac92492d2347c6235b4d2611184"',
      },
    ],
    [
      'minio',
      {
        uri: 's3://arrivals/in/hello.jpg',
        sizeBytes: 224_662,
        modifiedAt: '2019-10-22T09:27:27.000Z',
        etag: '"5fc7298143efe1276d39a3466d4e255f-1"',
      },
    ],
    [
      'versitygw',
      {
        uri: 's3://bucket1/in/a b+c.csv',
        sizeBytes: 5,
        modifiedAt: '2026-11-22T10:05:23.000Z',
        etag: '"5d41402abc4b2a76b9719d911017c592"',
      },
    ],
    [
      'pubsub',
      {
        uri: 'gs://arrivals/in/day.csv',
        sizeBytes: 352,
        modifiedAt: '2020-04-23T07:38:57.230Z',
        etag: '1587627537231057',
      },
    ],
  ])('is understood from %s', (from, told) => {
    expect(toldObjects(body(from))).toEqual({ objects: [told] });
  });

  it('is passed over where it tells of no new object', () => {
    expect(toldObjects({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'b' })).toEqual({ objects: [] });
    const text = JSON.stringify(body('s3')).replace('ObjectCreated:Put', 'ObjectRemoved:Delete');
    expect(toldObjects(JSON.parse(text))).toEqual({ objects: [] });
    const gone = JSON.stringify(body('pubsub')).replace('OBJECT_FINALIZE', 'OBJECT_DELETE');
    expect(toldObjects(JSON.parse(gone))).toEqual({ objects: [] });
    expect(toldObjects(body('sns-confirmation'))).toEqual({
      objects: [],
      confirm: expect.stringContaining('https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription'),
    });
  });

  it.each<[what: string, given: unknown, says: string]>([
    ['nothing', null, 'no notification of a store that is known'],
    ['another message', { Records: [{ dynamodb: {} }] }, 'no notification of a store that is known'],
    ['a message by SNS that is not JSON', { Type: 'Notification', Message: 'hello' }, 'a message that is not JSON'],
    [
      'a time that is none',
      JSON.parse(JSON.stringify(body('s3')).replace('1970-01-01T00:00:00.000Z', 'noon')),
      'has the time noon',
    ],
  ])('is refused where it is %s', (_, given, says) => {
    expect(() => toldObjects(given)).toThrow(says);
  });
});
