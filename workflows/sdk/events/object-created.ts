import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import type { ObjectFacts } from '../sensors/condition.js';
import { checkPrefixUri } from '../sensors/object-uri.js';
import { globPattern } from '../sensors/glob.js';
import type { EventSource, PubSubSigner, SnsSigner } from './source.js';

export interface ObjectCreatedOptions {
  /** Which names count, from the prefix on, as in `prefixHasNews`. */
  readonly pattern?: string;
  /**
   * Who tells, shown in place of the token: a topic of SNS, which signs its messages, or a push subscription of Pub/Sub with
   * authentication.
   */
  readonly signedBy?: SnsSigner | PubSubSigner;
}

/**
 * Objects below a prefix that a store tells of as they are written: what S3 (straight, by SNS or EventBridge), MinIO and
 * other servers of its protocol, or Google Cloud Storage (by Pub/Sub) sends to `/objects`. An object of the same content
 * (its ETag) is the same event; a model that also watches the prefix counts it once.
 */
export function objectCreated(uri: string, options: ObjectCreatedOptions = {}): EventSource<ObjectFacts> {
  const owner = 'objectCreated';
  checkOptions(owner, options, ['pattern', 'signedBy']);
  const { pattern, signedBy } = options;
  const prefix = checkPrefixUri(owner, uri);
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]+\//.test(prefix)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: nobody tells of what is written to ${show(uri)}.`, {
      value: uri,
      remedy: 'Write s3://bucket/prefix/ or gs://bucket/prefix/; for a folder, watch it: `prefixHasNews`.',
    });
  }
  if (signedBy !== undefined) checkSigner(owner, signedBy);
  return {
    kind: 'object',
    uri: prefix,
    ...(pattern === undefined ? {} : { pattern: globPattern(owner, pattern) }),
    ...(signedBy === undefined ? {} : { signedBy }),
  };
}

function checkSigner(owner: string, signer: SnsSigner | PubSubSigner): void {
  const { snsTopic, account, audience, ...more } = { ...signer } as Partial<Record<string, unknown>>;
  const isTopic = /^arn:aws(-[a-z-]+)?:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/.test(String(snsTopic));
  const isPush = /^[^@\s]+@[^@\s]+$/.test(String(account)) && typeof audience === 'string' && audience !== '';
  const isOne = snsTopic === undefined ? isPush : isTopic && account === undefined && audience === undefined;
  if (isOne && Object.keys(more).length === 0) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: signedBy is ${show(signer)}.`, {
    value: signer,
    remedy:
      "Write { snsTopic: 'arn:aws:sns:eu-west-1:123456789012:arrivals' }, or of a push subscription { account: 'push@project.iam.gserviceaccount.com', audience: 'https://events.example.com/objects' }.",
  });
}
