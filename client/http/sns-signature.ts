import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { FetchKey } from './fetch-key.js';
import { tokenBucket } from './token-bucket.js';

/** What a message of SNS is signed by: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html */
const Signed = z.object({
  Type: z.string(),
  MessageId: z.string(),
  TopicArn: z.string(),
  Message: z.string(),
  Timestamp: z.string(),
  Subject: z.string().nullish(),
  Token: z.string().optional(),
  SubscribeURL: z.string().optional(),
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.string(),
  SigningCertURL: z.string(),
});

const ofNotification = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'] as const;
const ofConfirmation = ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'] as const;
const algorithms = { 1: 'RSA-SHA1', 2: 'RSA-SHA256' } as const;
/** At once; then one a second. */
const mostFetches = 20;
const fetchedWithinMs = 5_000;

/**
 * Tells whether a message is of a topic and signed by SNS, whose certificates are fetched by `fetchKey`, from its own host in
 * the region of the topic alone. SYSTEM_SERVER_UNREACHABLE where one cannot be had.
 */
export function snsSignatures(fetchKey: FetchKey): (topic: string, json: unknown) => Promise<boolean> {
  const keys = new Map<string, Promise<KeyObject>>();
  // Anybody may name certificates that there are not; of those that there are, all are kept.
  const fetches = tokenBucket(1, mostFetches);
  const keyAt = (url: string): Promise<KeyObject> => {
    const known = keys.get(url);
    if (known !== undefined) return known;
    if (!fetches.take().ok) throw unavailable(url, 'too many are asked for');
    const key = readKey(fetchKey, url);
    keys.set(url, key);
    key.catch(() => keys.delete(url));
    return key;
  };
  return async (topic, json) => {
    const message = Signed.safeParse(json).data;
    if (message?.TopicArn !== topic || !isCertificateOf(topic, message.SigningCertURL)) return false;
    const names = message.Type === 'Notification' ? ofNotification : ofConfirmation;
    const said = names.map((name) => (message[name] == null ? '' : `${name}\n${message[name]}\n`)).join('');
    const signature = Buffer.from(message.Signature, 'base64');
    const key = await keyAt(message.SigningCertURL);
    return verify(algorithms[message.SignatureVersion], Buffer.from(said), key, signature);
  };
}

function isCertificateOf(topic: string, url: string): boolean {
  const [, partition = '', , region = ''] = topic.split(':');
  const host = `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
  const [, prefix, name = ''] = /^(https:\/\/[a-z0-9.-]+\/)(.*)$/s.exec(url) ?? [];
  return prefix === `https://${host}/` && /^SimpleNotificationService-[0-9a-f]{1,64}\.pem$/.test(name);
}

async function readKey(fetchKey: FetchKey, url: string): Promise<KeyObject> {
  try {
    const answer = await fetchKey(url, { redirect: 'error', signal: AbortSignal.timeout(fetchedWithinMs) });
    if (!answer.ok) throw new Error(`it answers with status ${answer.status}`);
    return createPublicKey(await answer.text());
  } catch (cause) {
    throw unavailable(url, cause instanceof Error ? cause.message : String(cause));
  }
}

function unavailable(url: string, why: string): EvertrainError {
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `The certificate of SNS at ${url} cannot be had: ${why}.`, {
    value: url,
    remedy: 'Let this process reach it; SNS sends its message again.',
  });
}
