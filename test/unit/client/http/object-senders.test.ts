import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { exportJWK, SignJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Evertrain } from '../../../../client/evertrain.js';
import type { FetchKey } from '../../../../client/http/fetch-key.js';
import { type ApiServer, startApiServer } from '../../../../client/http/start-api-server.js';
import { objectCreated, on, pipeline } from '../../../../workflows/sdk/index.js';

const token = 'a-token-of-the-tests';
const topic = 'arn:aws:sns:us-west-2:123456789012:MyTopic';
const certificate =
  'https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem';
const push = { account: 'push@project.iam.gserviceaccount.com', audience: 'https://events.example.com/objects' };
const ours = generateKeyPairSync('rsa', { modulusLength: 2048 });
const others = generateKeyPairSync('rsa', { modulusLength: 2048 });

const seen = pipeline('senders.seen', {}, () => Promise.resolve(1));
const bySns = on(objectCreated('s3://amzn-s3-demo-bucket/in/', { signedBy: { snsTopic: topic } }), seen, {
  name: 'sns',
});
const byPush = on(objectCreated('gs://arrivals/in/', { signedBy: push }), seen, { name: 'push' });
const byToken = on(objectCreated('s3://amzn-s3-demo-bucket/'), seen, { name: 'token' });

const refused = [401, 'The notification is not signed by whom a rule names.'];
const later = [503, 'The batch could not be recorded.'];

let server: ApiServer | undefined;
let fetched: string[];
let lines: string[];
let isAway: boolean;

beforeEach(() => {
  fetched = [];
  lines = [];
  isAway = false;
});
afterEach(() => {
  vi.restoreAllMocks();
  return server?.close();
});

/** Has the keys that Amazon and Google publish. */
const fetchKey: FetchKey = async (url) => {
  fetched.push(url);
  if (isAway) throw new Error('nobody is there');
  if (url === certificate) return new Response(ours.publicKey.export({ type: 'spki', format: 'pem' }));
  if (url !== 'https://www.googleapis.com/oauth2/v3/certs') return new Response('', { status: 404 });
  return Response.json({ keys: [{ ...(await exportJWK(ours.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] });
};

async function start(rules = [bySns, byPush, byToken]): Promise<void> {
  const evertrain = {
    address: 'engine.internal:7233',
    client: { connection: { withDeadline: <T>(_deadline: number, call: () => T) => call() } },
    start: () => Promise.resolve(),
  } as unknown as Evertrain;
  const log = (line: string) => void lines.push(line);
  server = await startApiServer({ evertrain, models: [], rules, token, fetchKey, port: 0, log });
}

/** The status, and the rules by which it had an effect or why it had none. */
async function post(body: unknown, bearer?: string): Promise<readonly [number, unknown]> {
  const headers = {
    'content-type': 'application/json',
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
  const answer = await fetch(`${server?.address ?? ''}/objects`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const told = (await answer.json()) as { rule: string }[] | { message: string };
  return [answer.status, Array.isArray(told) ? told.map(({ rule }) => rule) : told.message];
}

const stored = (name: string) =>
  JSON.parse(readFileSync(`test/fixtures/events/bodies/${name}.json`, 'utf8')) as Record<string, string>;

/** As the documentation of SNS says. */
function snsMessage(name: string, changed: Record<string, string> = {}, key: KeyObject = ours.privateKey) {
  const message: Record<string, string> = { ...stored(name), ...changed };
  const names = Object.keys(message)
    .filter((one) => /^(Message|MessageId|Subject|SubscribeURL|Timestamp|Token|TopicArn|Type)$/.test(one))
    .sort();
  const said = names.map((one) => `${one}\n${message[one]}\n`).join('');
  const algorithm = message['SignatureVersion'] === '2' ? 'sha256' : 'sha1';
  return { ...message, Signature: sign(algorithm, Buffer.from(said), key).toString('base64') };
}

const now = () => Math.floor(Date.now() / 1_000);
function googleToken(claims: Record<string, unknown> = {}, key: KeyObject = ours.privateKey): Promise<string> {
  const { account: email, audience: aud } = push;
  const iss = 'https://accounts.google.com';
  return new SignJWT({ iss, aud, email, email_verified: true, exp: now() + 3_600, ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'one' })
    .sign(key);
}

describe('a message of SNS', () => {
  it('needs no token where its signature is right, and its certificate is fetched once', async () => {
    await start();
    expect(await post(snsMessage('sns', { SignatureVersion: '1' }))).toEqual([202, ['sns']]);
    expect(await post(snsMessage('sns', { SignatureVersion: '2' }))).toEqual([202, ['sns']]);
    const { Subject: _, ...bare } = stored('sns');
    expect(await post(snsMessage('sns', { ...bare, MessageId: '3' }))).toEqual([202, ['sns']]);
    expect(fetched).toEqual([certificate]);
  });

  it('has the address to confirm it logged, where it asks and is signed', async () => {
    await start();
    expect(await post(snsMessage('sns-confirmation'))).toEqual([202, []]);
    expect(lines).toEqual([expect.stringContaining('open https://sns.us-west-2.amazonaws.com/?Action=')]);
    lines = [];
    expect(await post(snsMessage('sns-confirmation', {}, others.privateKey))).toEqual(refused);
    expect(lines).toEqual([]);
  });

  it.each<[what: string, body: () => unknown]>([
    ['of another key', () => snsMessage('sns', {}, others.privateKey)],
    ['of another message', () => ({ ...snsMessage('sns'), Message: stored('sns-confirmation')['Message'] })],
    ['of another version', () => ({ ...snsMessage('sns'), SignatureVersion: '2' })],
    ['of no known version', () => snsMessage('sns', { SignatureVersion: '3' })],
    ['that is missing', () => ({ ...stored('sns'), Signature: undefined })],
    ['that is none', () => ({ ...stored('sns'), Signature: '' })],
  ])('with a signature %s is refused', async (_, body) => {
    await start();
    expect(await post(body())).toEqual(refused);
  });

  it.each([
    'https://sns.us-west-2.amazonaws.com.example.org/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'https://sns.us-west-2.amazonaws.com@example.org/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'https://bucket.s3.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'http://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'https://sns.us-west-2.amazonaws.com/x/../SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem',
    'https://sns.us-west-2.amazonaws.com/?Action=SimpleNotificationService-f3ecfb72.pem',
  ])('whose certificate is at %s is refused, and nothing is fetched', async (SigningCertURL) => {
    await start();
    expect(await post(snsMessage('sns', { SigningCertURL }))).toEqual(refused);
    expect(fetched).toEqual([]);
  });

  it('of another topic is refused, however well it is signed', async () => {
    await start();
    expect(await post(snsMessage('sns', { TopicArn: `${topic}2` }))).toEqual(refused);
    expect(fetched).toEqual([]);
  });

  it('is asked for again while its certificate cannot be had, and of many that are not there few are fetched', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    await start();
    isAway = true;
    expect(await post(snsMessage('sns'))).toEqual(later);
    isAway = false;
    expect(await post(snsMessage('sns'))).toEqual([202, ['sns']]);
    const lost = (n: number) => certificate.replace('f3ecfb', n.toString(16).padStart(6, '0'));
    for (let n = 0; n < 30; n++) expect(await post(snsMessage('sns', { SigningCertURL: lost(n) }))).toEqual(later);
    expect(fetched).toHaveLength(20);
  });
});

describe('a push of Pub/Sub', () => {
  it("needs no token of ours where Google's is right, and the keys are fetched once", async () => {
    await start();
    for (const iss of ['https://accounts.google.com', 'accounts.google.com']) {
      expect(await post(stored('pubsub'), await googleToken({ iss }))).toEqual([202, ['push']]);
    }
    expect(fetched).toEqual(['https://www.googleapis.com/oauth2/v3/certs']);
  });

  it.each<[what: string, make: () => Promise<string>]>([
    ['of another key', () => googleToken({}, others.privateKey)],
    ['for another address', () => googleToken({ aud: 'https://example.org' })],
    ['of another account', () => googleToken({ email: 'me@example.org' })],
    ['of an account that is not proven', () => googleToken({ email_verified: false })],
    ['of another issuer', () => googleToken({ iss: 'https://example.org' })],
    ['that is over', () => googleToken({ exp: now() - 3_600 })],
    ['without an end', () => googleToken({ exp: undefined })],
    ['that is not signed', async () => `${btoa('{"alg":"none"}')}.${(await googleToken()).split('.')[1]}.`],
    ['that is none', () => Promise.resolve('hello')],
  ])('with a token %s is refused', async (_, make) => {
    await start();
    expect(await post(stored('pubsub'), await make())).toEqual(refused);
  });

  it("is asked for again while Google's keys cannot be had", async () => {
    await start();
    isAway = true;
    expect(await post(stored('pubsub'), await googleToken())).toEqual(later);
  });
});

it('a rule takes what its own sender tells, and none what another one does', async () => {
  await start();
  // The token is no signature; and a message that has both goes to both.
  expect(await post(stored('sns'), token)).toEqual([202, ['token']]);
  expect(await post(snsMessage('sns'), token)).toEqual([202, ['token', 'sns']]);
  expect(await post(stored('pubsub'), token)).toEqual([202, []]);
  expect(await post(stored('pubsub'))).toEqual(refused);
  await server?.close();
  await start([byPush]);
  expect(await post(stored('pubsub'), token)).toEqual(refused);
});
