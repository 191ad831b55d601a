import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import type { ObjectFacts } from '../sensors/condition.js';
import { checkPrefixUri } from '../sensors/object-uri.js';
import { globPattern } from '../sensors/glob.js';
import type { EventSource } from './source.js';

export interface ObjectCreatedOptions {
  /** Which names count, from the prefix on, as in `prefixHasNews`. */
  readonly pattern?: string;
}

/**
 * Objects below a prefix that a store tells of as they are written: what S3 (straight, by SNS or EventBridge), MinIO and
 * other servers of its protocol, or Google Cloud Storage (by Pub/Sub) sends to `/objects`. An object of the same content
 * (its ETag) is the same event; a model that also watches the prefix counts it once.
 */
export function objectCreated(uri: string, options: ObjectCreatedOptions = {}): EventSource<ObjectFacts> {
  const owner = 'objectCreated';
  checkOptions(owner, options, ['pattern']);
  const { pattern } = options;
  const prefix = checkPrefixUri(owner, uri);
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]+\//.test(prefix)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: nobody tells of what is written to ${show(uri)}.`, {
      value: uri,
      remedy: 'Write s3://bucket/prefix/ or gs://bucket/prefix/; for a folder, watch it: `prefixHasNews`.',
    });
  }
  return {
    kind: 'object',
    uri: prefix,
    ...(pattern === undefined ? {} : { pattern: globPattern(owner, pattern) }),
  };
}
