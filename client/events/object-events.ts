import { z } from 'zod';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { ObjectFacts } from '../../workflows/sdk/sensors/condition.js';

/**
 * What stores tell of objects that were written, in the forms in which it comes over HTTP. What else they tell of
 * (deletions, tests) is passed over.
 */
const S3 = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      eventTime: z.string(),
      s3: z.object({
        bucket: z.object({ name: z.string() }),
        object: z.object({
          key: z.string(),
          size: z.number().optional(),
          eTag: z.string().optional(),
          sequencer: z.string().optional(),
        }),
      }),
    }),
  ),
});

const EventBridge = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.string(),
  time: z.string(),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), size: z.number().optional(), etag: z.string().optional() }),
  }),
});

/** SNS, around what S3 tells. */
const Sns = z.object({ Type: z.string(), Message: z.string(), SubscribeURL: z.string().optional() });

/** Pub/Sub, around what Google Cloud Storage tells. */
const PubSub = z.object({
  message: z.object({
    attributes: z.object({
      eventType: z.string(),
      bucketId: z.string(),
      objectId: z.string(),
      objectGeneration: z.string(),
      eventTime: z.string().optional(),
    }),
    data: z.string().optional(),
    publishTime: z.string().optional(),
  }),
});

const GoogleObject = z.object({ size: z.string().optional(), etag: z.string().optional() });

export interface ToldObjects {
  readonly objects: readonly ObjectFacts[];
  /** SNS asks whether its messages are wanted: a person opens it. */
  readonly confirm?: string;
}

/** USER_SIGNAL_INVALID where it is of none of these forms. */
export function toldObjects(json: unknown): ToldObjects {
  const sns = Sns.safeParse(json).data;
  if (sns?.Type === 'Notification') return toldObjects(parsed(sns.Message));
  if (sns !== undefined)
    return { objects: [], ...(sns.SubscribeURL === undefined ? {} : { confirm: sns.SubscribeURL }) };
  const s3 = S3.safeParse(json).data;
  if (s3 !== undefined) return { objects: s3.Records.flatMap(ofRecord) };
  const bridge = EventBridge.safeParse(json).data;
  if (bridge !== undefined) return { objects: ofEventBridge(bridge) };
  const google = PubSub.safeParse(json).data;
  if (google !== undefined) return { objects: ofGoogle(google.message) };
  // What S3 sends when notifications are set up.
  if (z.object({ Event: z.literal('s3:TestEvent') }).safeParse(json).success) return { objects: [] };
  throw new EvertrainError('USER_SIGNAL_INVALID', 'The body is no notification of a store that is known.', {
    remedy: 'Send what S3, SNS, EventBridge or Pub/Sub (for Google Cloud Storage) sends; for others, use a webhook.',
  });
}

function ofRecord({ eventName, eventTime, s3 }: z.infer<typeof S3>['Records'][number]): ObjectFacts[] {
  const { key, size, eTag, sequencer } = s3.object;
  if (!/^(s3:)?ObjectCreated:/.test(eventName)) return [];
  const name = decoded(key);
  return [factsOf(`s3://${s3.bucket.name}/${name}`, size, eventTime, quoted(eTag) ?? sequencer)];
}

function ofEventBridge({ 'detail-type': type, time, detail }: z.infer<typeof EventBridge>): ObjectFacts[] {
  const { key, size, etag } = detail.object;
  return type === 'Object Created' ? [factsOf(`s3://${detail.bucket.name}/${key}`, size, time, quoted(etag))] : [];
}

function ofGoogle({ attributes, data, publishTime }: z.infer<typeof PubSub>['message']): ObjectFacts[] {
  const { eventType, bucketId, objectId, objectGeneration, eventTime = publishTime } = attributes;
  if (eventType !== 'OBJECT_FINALIZE') return [];
  const about = data === undefined || data === '' ? {} : GoogleObject.parse(parsed(fromBase64(data)));
  return [factsOf(`gs://${bucketId}/${objectId}`, Number(about.size ?? 0), eventTime, objectGeneration)];
}

function factsOf(uri: string, sizeBytes = 0, time: string | undefined, etag: string | undefined): ObjectFacts {
  const at = new Date(time ?? Number.NaN);
  if (Number.isNaN(at.getTime())) {
    throw new EvertrainError('USER_SIGNAL_INVALID', `The notification of ${uri} has the time ${String(time)}.`, {
      value: time,
      remedy: 'Write it as ISO 8601 does.',
    });
  }
  return { uri, sizeBytes, modifiedAt: at.toISOString(), ...(etag === undefined ? {} : { etag }) };
}

/** As a listing of the store has it, so that who is told and who looks see the same object. */
function quoted(etag: string | undefined): string | undefined {
  return etag?.replace(/^"?(.*?)"?$/, '"$1"');
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

/** S3 and MinIO encode keys, with "+" for a space; other servers tell them as they are. */
function decoded(key: string): string {
  if (!/^[\w.~*+%/!'()-]*$/.test(key)) return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return key;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EvertrainError('USER_SIGNAL_INVALID', 'The notification holds a message that is not JSON.', {
      value: text.slice(0, 200),
      remedy: 'Send on what the store tells as it is.',
      cause,
    });
  }
}
