import { EvertrainError } from '../../../workflows/sdk/errors.js';

/** Where an S3 store or journal lies. What is left out comes from the usual AWS environment and profile. */
export interface S3Options {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  readonly url: string;
  /** Of a server other than AWS; its buckets are then addressed by path. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface S3Location {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
}

/** USER_OPTION_INVALID for what is not `s3://bucket/prefix`; a url with credentials in it is refused unseen. */
export function parseS3Url(url: string): S3Location {
  if (url.includes('@')) {
    throw new EvertrainError('USER_OPTION_INVALID', 'The url of the S3 store has an "@" in it.', {
      remedy:
        'Write s3://bucket/prefix, and give credentials by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a profile.',
    });
  }
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/s.exec(url) ?? [];
  const segments = path.replace(/\/$/, '').split('/');
  const isPlain = path === '' || segments.every((one) => /^[A-Za-z0-9_=.-]+$/.test(one) && !/^\.+$/.test(one));
  if (bucket === undefined || !isPlain) {
    throw new EvertrainError('USER_OPTION_INVALID', `${url} does not name a place in S3.`, {
      value: url,
      remedy: 'Write s3://bucket/prefix; a prefix has letters, digits and _=.- between slashes.',
    });
  }
  return { bucket, prefix: path === '' ? '' : `${segments.join('/')}/` };
}
