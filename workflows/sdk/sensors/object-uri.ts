import { jsonDigest } from '../digest.js';
import { EvertrainError, show } from '../errors.js';
import type { ObjectFacts } from './condition.js';

/** Batch ids have 200 characters at most. */
const tailLength = 150;

/**
 * Checks where an object is looked for: `file:///folder/name` or a path, `s3://bucket/key`, `gs://bucket/key`, or the scheme of
 * a source that the worker was given. Answers `<scheme>://…`, but a relative path as it is.
 */
export function checkObjectUri(owner: string, uri: unknown): string {
  const refuse = (why: string, remedy: string): never => {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: ${show(uri)} ${why}.`, { value: uri, remedy });
  };
  const example = 'Write s3://bucket/key, gs://bucket/key, file:///folder/name or a path.';
  if (typeof uri !== 'string' || uri === '' || /[\u0000-\u001f\u007f]/.test(uri)) {
    return refuse('names no object', example);
  }
  if (/^[a-z][a-z0-9+.-]*:\/\/[^/]*@/.test(uri)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: the uri has an "@" before its path.`, {
      remedy: 'Leave credentials out; the worker has them in its environment.',
    });
  }
  const [, scheme, rest = uri] = /^([a-z][a-z0-9+.-]*):(?:\/\/)?(.*)$/.exec(uri) ?? [];
  if (decoded(rest).split(/[\\/]/).includes('..')) refuse('goes up by ".."', 'Write where it leads to.');
  if (scheme === undefined) return uri;
  if (scheme === 'http' || scheme === 'https') refuse('is a web address', 'Use httpAnswers(url).');
  if (!uri.startsWith(`${scheme}://`)) refuse('names no object', example);
  if (scheme === 'file' && !rest.startsWith('/')) refuse('is not a file of this machine', example);
  if (scheme === 's3' && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/./.test(rest)) refuse('is no place in S3', example);
  if (scheme === 'gs' && !/^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]\/./.test(rest)) {
    refuse('is no place in Google Cloud Storage', example);
  }
  return uri;
}

/** The same for what objects lie below; answers it with a `/` at its end. */
export function checkPrefixUri(owner: string, uri: unknown): string {
  if (typeof uri !== 'string' || uri === '') return checkObjectUri(owner, uri);
  const prefix = uri.endsWith('/') ? uri : `${uri}/`;
  const isBucket = /^(s3|gs):\/\/[^/]+\/$/.test(prefix);
  return checkObjectUri(owner, isBucket ? `${prefix}-` : prefix).slice(0, prefix.length);
}

/** Names what is in an object, by the end of its uri: the same whoever tells of it. */
export function objectId({ uri, sizeBytes, modifiedAt, etag }: ObjectFacts): string {
  return `${uri.slice(-tailLength)}@${jsonDigest(etag === undefined ? [uri, sizeBytes, modifiedAt] : [uri, etag])}`;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
