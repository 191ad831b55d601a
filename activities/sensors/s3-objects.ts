import { Bucket, type StoredObject } from '../sdk/s3/bucket.js';
import type { ObjectSource, SeenObject } from './object-source.js';

/**
 * Objects in S3, or a server that speaks its protocol. Credentials, region and endpoint come from the usual AWS
 * environment and profile. Keys are taken as they stand, not percent-decoded.
 */
export function s3Objects(): ObjectSource {
  const buckets = new Map<string, Bucket>();
  const split = (uri: string) => {
    const [, name = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri) ?? [];
    const bucket = buckets.get(name) ?? new Bucket({ url: `s3://${name}` }, '');
    buckets.set(name, bucket);
    return { bucket, key, root: `s3://${name}/` };
  };
  return {
    scheme: 's3',
    async find(uri) {
      const { bucket, key, root } = split(uri);
      // In the order of keys, the object itself comes first of all that begin so.
      for await (const object of bucket.list(key, 1)) return object.key === key ? seen(root, object) : undefined;
      return undefined;
    },
    async *list(prefix, signal) {
      const { bucket, key, root } = split(prefix);
      for await (const object of bucket.list(key)) {
        signal.throwIfAborted();
        // Consoles make such objects for folders.
        if (!object.key.endsWith('/')) yield seen(root, object);
      }
    },
  };
}

function seen(root: string, { key, sizeBytes, writtenAtMs, etag }: StoredObject): SeenObject {
  return { uri: root + key, sizeBytes, modifiedMs: writtenAtMs, ...(etag === undefined ? {} : { etag }) };
}
