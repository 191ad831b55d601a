import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  kafkaTopic,
  model,
  objectCreated,
  on,
  pipeline,
  postgresNotify,
  project,
  secret,
  signal,
  webhook,
} from '../../../../../workflows/sdk/index.js';

const run = pipeline('on.run', { input: z.object({ rows: z.int() }) }, () => Promise.resolve(1));
const fed = model('on.fed', { pipeline: run, data: { toInput: () => ({}), retrainWhen: { batches: 1 } } });
const unfed = model('on.unfed', { pipeline: run });
const word = signal('on.word', z.string());
const sales = webhook('/sales', { schema: z.object({ rows: z.int() }) });
const brokers = ['kafka-1:9092'];

describe('what can never be', () => {
  it.each<[what: string, declare: () => unknown, says: string]>([
    ['a path without a slash', () => webhook('sales'), 'webhook("sales") is no path. Begin it with "/"'],
    ['a path that goes up', () => webhook('/a/..//b'), 'is no path'],
    ['a key in place of its name', () => webhook('/a', { signedBy: 'k3y' as never }), 'signedBy is no secret'],
    ['a header without a key', () => webhook('/a', { signatureHeader: 'x-sig' }), 'signatureHeader is "x-sig"'],
    ['a mistyped option', () => webhook('/a', { shema: 1 } as never), 'Did you mean "schema"?'],
    ['a folder', () => objectCreated('arrivals/in'), 'nobody tells of what is written to "arrivals/in"'],
    ['credentials in a uri', () => objectCreated('s3://me:pw@bucket/'), 'has an "@" before its path'],
    ['no uri', () => objectCreated(undefined as never), 'names no object'],
    ['a topic that Kafka refuses', () => kafkaTopic('a/b', { brokers }), 'the topic is "a/b"'],
    ['a topic that is its own dead letters', () => kafkaTopic('a', { brokers, deadLetter: 'a' }), 'Name another topic'],
    ['no broker', () => kafkaTopic('a', { brokers: [] }), 'brokers is []'],
    ...[
      'arn:aws:sns:eu-west-1:123456789012:arrivals',
      {},
      { snsTopic: 'arrivals' },
      { snsTopic: 'arn:aws:sqs:eu-west-1:123456789012:arrivals' },
      { account: 'me@example.org' },
      { account: 'me', audience: 'https://example.org' },
      { snsTopic: 'arn:aws:sns:eu-west-1:123456789012:arrivals', audience: 'https://example.org' },
    ].map((signedBy): [string, () => unknown, string] => [
      `a sender that is none, ${JSON.stringify(signedBy)}`,
      () => objectCreated('s3://bucket/in', { signedBy: signedBy as never }),
      'signedBy is ',
    ]),
    ['TLS that is no yes or no', () => kafkaTopic('a', { brokers, tls: {} as never }), 'tls is {}'],
    [
      'a login by no known mechanism',
      () => kafkaTopic('a', { brokers, login: { user: 'u', password: secret('P'), mechanism: 'GSSAPI' as never } }),
      'mechanism is "GSSAPI"',
    ],
    [
      'a password in the clear over the network',
      () => kafkaTopic('a', { brokers, login: { user: 'u', password: secret('P'), mechanism: 'PLAIN' } }),
      'would go in the clear',
    ],
    ['a broker without a port', () => kafkaTopic('a', { brokers: ['kafka'] }), "for example ['kafka-1:9092']"],
    [
      'a password in the open',
      () => kafkaTopic('a', { brokers, login: { user: 'u', password: 'p' as never } }),
      'no secret as its password',
    ],
    ['a channel with a quote', () => postgresNotify('a"; DROP', 'postgres://db/x'), 'is no channel'],
    ['a password in a URL', () => postgresNotify('a', 'postgres://me:pw@db/x'), 'holds a password'],
    ['another database', () => postgresNotify('a', 'mysql://db/x'), 'this is no database of PostgreSQL'],
    ['a source that is none', () => on({} as never, run), 'is no source of events'],
    ['a target that is none', () => on(sales, {} as never), 'cannot be the target of a rule'],
    ['a model that takes no data', () => on(sales, unfed), 'a model that declares `data`'],
    ['models without a choice', () => on(sales, [fed], {} as never), 'several of them with `model`'],
    ['a signal without a run', () => on(sales, word, {} as never), 'a signal, with `run`'],
    ["another target's option", () => on(sales, run, { toBatch: () => 1 } as never), 'no option "toBatch"'],
    ['an option that is no function', () => on(sales, run, { id: 'x' as never }), 'id is "x"'],
    ['a name that is none', () => on(sales, run, { name: '1' }), '"1" is not a usable name'],
    [
      'two rules of a name',
      () => project({ pipelines: [run], events: [on(sales, run), on(sales, run)] }),
      'two event rules',
    ],
    ['a pipeline of no project', () => project({ pipelines: [], events: [on(sales, run)] }), 'no pipeline "on.run"'],
    [
      'a model of no project',
      () => project({ pipelines: [run], events: [on(sales, fed, { toBatch: () => ({ uri: 'x', rows: 1 }) })] }),
      'no model "on.fed"',
    ],
  ])('%s is refused where it is written', (_, declare, says) => {
    expect(declare).toThrow(says);
  });
});

it('a rule is named after its target, and takes what an event says as it is', () => {
  const rule = on(sales, run);
  expect(rule.name).toBe('on.run');
  expect(rule.target.kind === 'run' && rule.target.toInput({ id: 'x', data: { rows: 3 } })).toEqual({ rows: 3 });
  const told = on(objectCreated('gs://bucket/in', { pattern: '*.csv' }), fed, { name: 'told' });
  expect(told.source).toEqual({ kind: 'object', uri: 'gs://bucket/in/', pattern: '^(?!\\.)[^/]*\\.csv$' });
  const data = { uri: 'gs://bucket/in/a.csv', sizeBytes: 1, modifiedAt: '2026-01-01T00:00:00Z' };
  expect(told.target.kind === 'batch' && told.target.toBatch({ id: 'x', data, at: 5 })).toEqual({
    uri: data.uri,
    rows: 0,
    at: 5,
  });
  expect(on(webhook('/a', { signedBy: secret('ON_KEY') }), word, { run: () => 'r' }).source).toMatchObject({
    signed: { by: { secret: 'ON_KEY' }, header: 'x-hub-signature-256' },
  });
});
