import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { Room } from '../room.js';
import { connectS3, type S3Connection } from './client.js';
import { parseS3Url, type S3Location, type S3Options } from './location.js';
import { isDiskError, nameOf, s3Unavailable, statusOf, wasRetried } from './s3-failure.js';

/** What is larger goes up in parts, each of at least so many bytes (at most four in memory); S3 takes 10,000. */
export const largestPutBytes = 16 << 20;
const partBytes = 8 << 20;
const mostParts = 10_000;
const partsAtOnce = 4;
/** Of all uploads of the process: a slow server keeps a hundred steps waiting, and not their files in memory. */
const uploads = new Room(128 << 20);
/** Keys of one delete request; S3 takes so many. */
const deletedAtOnce = 1_000;
/** Times that a broken download goes on where it stopped. */
const mostResumes = 5;

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly writtenAtMs: number;
  readonly etag?: string;
}

export interface OpenedObject {
  readonly bytes: AsyncGenerator<Uint8Array>;
  readonly writtenAtMs: number;
}

/**
 * What store and journal need of S3, below the prefix of their url. Requests are tried again by the SDK (server away,
 * 5xx, throttling); what remains is SYSTEM_STORE_UNAVAILABLE. Connects at first use.
 */
export class Bucket {
  readonly #options: S3Options;
  readonly #location: S3Location;
  readonly #below: string;
  #connection: Promise<S3Connection> | undefined;

  /** `below` is the folder of the caller under the prefix, ending in `/`. */
  constructor(options: S3Options, below: string) {
    this.#options = options;
    this.#location = parseS3Url(options.url);
    this.#below = `${this.#location.prefix}${below}`;
  }

  /** How messages name a key. */
  shown(key: string): string {
    const at = this.#options.endpoint ?? process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
    const server = at === undefined || !URL.canParse(at) ? '' : ` at ${new URL(at).origin}`;
    return `s3://${this.#location.bucket}/${this.#below}${key}${server}`;
  }

  /** Undefined when it is not there. Fails with SYSTEM_STORE_UNAVAILABLE also when the bucket is not. */
  async get(key: string): Promise<Buffer | undefined> {
    const opened = await this.open(key);
    if (opened === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for await (const chunk of opened.bytes) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** The bytes as they come; a connection that breaks is resumed where it stopped. */
  async open(key: string): Promise<OpenedObject | undefined> {
    const first = await this.#getFrom(key, 0, undefined);
    if (first === undefined) return undefined;
    return { bytes: this.#resumed(key, first), writtenAtMs: first.LastModified?.getTime() ?? 0 };
  }

  async has(key: string): Promise<boolean> {
    // Not a HEAD: its answer has no body, and would not tell a missing bucket from a missing object.
    for await (const object of this.list(key, 1)) return object.key === key;
    return false;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#run('write', key, ({ sdk, client }) =>
      client.send(new sdk.PutObjectCommand({ ...this.#at(key), Body: body })),
    );
  }

  /** Writes the object only where none is; false when there is one. Exactly one of many callers gets true. */
  async create(key: string, body: Uint8Array): Promise<boolean> {
    const writer = randomUUID();
    for (;;) {
      const refused = await this.#run('write', key, ({ sdk, client }) =>
        client
          .send(new sdk.PutObjectCommand({ ...this.#at(key), Body: body, IfNoneMatch: '*', Metadata: { writer } }))
          .then(() => undefined, unlessRefused),
      );
      if (refused === undefined) return true;
      // Two writers at the same instant: S3 refuses both and wants them to try again.
      if (statusOf(refused) === 409) await sleep(50 + Math.random() * 100);
      else return wasRetried(refused) && (await this.#writerOf(key)) === writer;
    }
  }

  /**
   * Writes a file, in parts and constant memory where it is large; an upload that fails leaves nothing that counts. False
   * when there is an object already, unless it is to be replaced.
   */
  async createFromFile(key: string, path: string, sizeBytes: number, replace = false): Promise<boolean> {
    if (sizeBytes <= largestPutBytes) {
      return uploads.hold(sizeBytes, async () => {
        const body = await readFile(path);
        if (!replace) return this.create(key, body);
        await this.put(key, body);
        return true;
      });
    }
    return uploads.hold(partsAtOnce * partBytes, () => this.#createInParts(key, path, sizeBytes, replace));
  }

  async #createInParts(key: string, path: string, sizeBytes: number, replace: boolean): Promise<boolean> {
    const writer = randomUUID();
    const partSize = Math.max(partBytes, Math.ceil(sizeBytes / mostParts));
    const refused = await this.#run('write', key, async ({ sdk, client }) => {
      const Body = createReadStream(path, { highWaterMark: 1 << 20 });
      const condition = replace ? {} : { IfNoneMatch: '*' };
      const params = { ...this.#at(key), Body, Metadata: { writer }, ...condition };
      try {
        await new sdk.Upload({ client, params, partSize, queueSize: partsAtOnce }).done();
        return undefined;
      } catch (error) {
        // Ended by an earlier try of the last request, whose answer got lost.
        return nameOf(error) === 'NoSuchUpload' ? (error as Error) : unlessRefused(error);
      } finally {
        Body.destroy();
      }
    });
    return refused === undefined || (await this.#writerOf(key)) === writer;
  }

  /** Objects whose key begins so, in the order of their keys. */
  async *list(prefix: string, pageSize = 1_000): AsyncGenerator<StoredObject> {
    for (let token: string | undefined; ; ) {
      const { bucket } = this.#location;
      const page = { MaxKeys: pageSize, ...(token === undefined ? {} : { ContinuationToken: token }) };
      const found = await this.#run('list', prefix, ({ sdk, client }) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: `${this.#below}${prefix}`, ...page })),
      );
      for (const { Key = '', Size = 0, LastModified, ETag } of found.Contents ?? []) {
        const etag = ETag === undefined ? {} : { etag: ETag };
        yield {
          key: Key.slice(this.#below.length),
          sizeBytes: Size,
          writtenAtMs: LastModified?.getTime() ?? 0,
          ...etag,
        };
      }
      token = found.IsTruncated === true ? found.NextContinuationToken : undefined;
      if (token === undefined) return;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += deletedAtOnce) {
      const some = keys.slice(at, at + deletedAtOnce);
      const Delete = { Objects: some.map((key) => ({ Key: `${this.#below}${key}` })), Quiet: true };
      await this.#run('delete', some[0] ?? '', async ({ sdk, client }) => {
        const { Errors = [] } = await client.send(
          new sdk.DeleteObjectsCommand({ Bucket: this.#location.bucket, Delete }),
        );
        const failed = Errors.find(({ Code }) => Code !== 'NoSuchKey');
        if (failed !== undefined) throw Object.assign(new Error(failed.Message), { name: failed.Code ?? 'Error' });
      });
    }
  }

  /** Gives up uploads in parts that were begun before the time and never ended; how many. */
  async abortUploads(beforeMs: number): Promise<number> {
    return this.#run('end old uploads below', '', async ({ sdk, client }) => {
      const { bucket: Bucket } = this.#location;
      const found = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: this.#below }));
      const old = (found.Uploads ?? []).filter(({ Initiated }) => (Initiated?.getTime() ?? beforeMs) < beforeMs);
      for (const { Key, UploadId } of old) {
        await client.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
      }
      return old.length;
    });
  }

  async *#resumed(key: string, first: GetObjectCommandOutput): AsyncGenerator<Uint8Array> {
    const total = first.ContentLength ?? 0;
    let part: GetObjectCommandOutput | undefined = first;
    for (let got = 0, resumes = 0; got < total; ) {
      try {
        if (part?.Body === undefined) throw new Error('the object has gone while it was read');
        for await (const chunk of part.Body as AsyncIterable<Uint8Array>) {
          got += chunk.length;
          yield chunk;
        }
        if (got < total) throw Object.assign(new Error(`ended at byte ${got} of ${total}`), { name: 'Incomplete' });
      } catch (error) {
        if (resumes++ === mostResumes) throw s3Unavailable(error, 'read', this.shown(key));
        await sleep(100 * 2 ** resumes);
        part = await this.#getFrom(key, got, first.ETag);
      }
    }
  }

  /** `etag` keeps a resumed download from going on in another object. */
  #getFrom(key: string, from: number, etag: string | undefined): Promise<GetObjectCommandOutput | undefined> {
    const rest = from === 0 ? {} : { Range: `bytes=${from}-` };
    const same = etag === undefined ? {} : { IfMatch: etag };
    return this.#run('read', key, ({ sdk, client }) =>
      client.send(new sdk.GetObjectCommand({ ...this.#at(key), ...rest, ...same })).catch((error: unknown) => {
        if (nameOf(error) === 'NoSuchKey') return undefined;
        throw error;
      }),
    );
  }

  async #writerOf(key: string): Promise<string | undefined> {
    const { Metadata } = await this.#run('read', key, ({ sdk, client }) =>
      client.send(new sdk.HeadObjectCommand(this.#at(key))),
    );
    return Metadata?.['writer'];
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#location.bucket, Key: `${this.#below}${key}` };
  }

  async #run<T>(doing: string, key: string, work: (connection: S3Connection) => Promise<T>): Promise<T> {
    this.#connection ??= connectS3(this.#options);
    try {
      return await work(await this.#connection);
    } catch (error) {
      throw isDiskError(error) ? error : s3Unavailable(error, doing, this.shown(key));
    }
  }
}

/** The error of a conditional write that was refused, or met another one at the same instant. */
function unlessRefused(error: unknown): Error {
  if (statusOf(error) === 412 || nameOf(error) === 'ConditionalRequestConflict') return error as Error;
  throw error;
}
