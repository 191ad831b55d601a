import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';
import { Bucket } from '../s3/bucket.js';
import type { S3Options } from '../s3/location.js';
import { checkKey, fileName, plainSegment, suffix } from './journal-paths.js';
import { perKeyOrder } from './per-key-order.js';
import { readS3Stream, S3StreamWriter } from './s3-stream.js';

/** Writers whose end is remembered; beyond it the oldest look for it again. */
const mostWriters = 1_000;
const probe = '.probe';

/**
 * The journal in S3, below `journal/`. Objects are named as the files of `fileJournal` are, except that a stream is a
 * folder of objects (see s3-stream.ts). `create` is a conditional write (`If-None-Match: *`), which the server grants to
 * exactly one; a server that ignores the condition is refused at the first create, USER_OPTION_INVALID. What the server
 * cannot do is SYSTEM_STORE_UNAVAILABLE.
 */
export function s3Journal(options: S3Options): Journal {
  const bucket = new Bucket(options, 'journal/');
  const writers = new Map<string, S3StreamWriter>();
  const inOrder = perKeyOrder();
  const names = new LongNames(bucket);
  let probed: Promise<void> | undefined;
  return {
    async create(key, body) {
      const path = documentPath(key);
      await (probed ??= checkConditions(bucket).catch((error: unknown) => {
        probed = undefined;
        throw error;
      }));
      await names.write(key);
      return bucket.create(path, Buffer.from(body));
    },
    async put(key, body) {
      const path = documentPath(key);
      await names.write(key);
      await bucket.put(path, Buffer.from(body));
    },
    get: async (key) => (await bucket.get(documentPath(key)))?.toString('utf8'),
    list: (prefix) => listKeys(bucket, names, prefix),
    ends: (prefix) => streamEnds(bucket, names, pathOf(prefix)),
    async append(key, lines) {
      const path = streamPath(key);
      if (lines.length === 0) return;
      await inOrder(key, async () => {
        await names.write(key);
        await writerOf(path).append(lines);
      });
    },
    read: async (key, cursor) => readS3Stream(bucket, streamPath(key), cursor),
    async delete(prefix) {
      const path = pathOf(prefix);
      for (const name of writers.keys()) if (isWithin(name, path)) writers.delete(name);
      names.forget(path);
      const found = [`${path}${suffix.document}`];
      for (const below of [`${path}${suffix.stream}/`, `${path}/`]) {
        for await (const { key } of bucket.list(below)) found.push(key);
      }
      // Names last: while a document is there, a listing has to be able to say whose it is.
      await bucket.delete(found.filter((key) => !key.endsWith(suffix.name)));
      await bucket.delete([...found.filter((key) => key.endsWith(suffix.name)), `${path}${suffix.name}`]);
    },
  };

  function writerOf(path: string): S3StreamWriter {
    const writer = writers.get(path) ?? new S3StreamWriter(bucket, path);
    writers.delete(path);
    writers.set(path, writer);
    const [oldest] = writers.keys();
    if (writers.size > mostWriters && oldest !== undefined) writers.delete(oldest);
    return writer;
  }
}

function pathOf(key: string): string {
  return checkKey(key).map(fileName).join('/');
}

function documentPath(key: string): string {
  return `${pathOf(key)}${suffix.document}`;
}

function streamPath(key: string): string {
  return `${pathOf(key)}${suffix.stream}/`;
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`) || path.startsWith(`${folder}.`);
}

/** Creates an object that is there: a server that honours the condition refuses it. */
async function checkConditions(bucket: Bucket): Promise<void> {
  if (!(await bucket.create(probe, Buffer.from('')))) return;
  if (!(await bucket.create(probe, Buffer.from('')))) return;
  throw new EvertrainError('USER_OPTION_INVALID', `The server of ${bucket.shown('')} ignores If-None-Match.`, {
    value: bucket.shown(''),
    remedy:
      'The journal keeps the attempts of a step apart by conditional writes: use a server that has them, such as AWS S3.',
  });
}

async function listKeys(bucket: Bucket, names: LongNames, prefix: string): Promise<string[]> {
  const keys = new Set<string>();
  const path = prefix === '' ? '' : pathOf(prefix);
  if (prefix !== '') {
    for await (const { key } of bucket.list(`${path}.`)) {
      if (key !== `${path}${suffix.document}` && !key.startsWith(`${path}${suffix.stream}/`)) continue;
      keys.add(prefix);
      break;
    }
  }
  let last: string | undefined;
  for await (const { key } of bucket.list(prefix === '' ? '' : `${path}/`)) {
    const owner = ownerOf(key);
    // All objects of a stream follow each other.
    if (owner === undefined || owner === last) continue;
    last = owner;
    const found = await names.keyOf(owner);
    if (found !== undefined) keys.add(found);
  }
  return [...keys].sort();
}

/** While the objects of a stream are merged, its end is where the last of them ends. */
async function streamEnds(bucket: Bucket, names: LongNames, folder: string): Promise<Map<string, string>> {
  const ends = new Map<string, number>();
  for await (const { key, sizeBytes } of bucket.list(`${folder}/`)) {
    const [, path, start] = /^(.*)\.lines\/(\d{15})$/.exec(key) ?? [];
    if (path !== undefined) ends.set(path, Math.max(ends.get(path) ?? 0, Number(start) + sizeBytes));
  }
  const found = new Map<string, string>();
  for (const [path, end] of ends) {
    const key = await names.keyOf(path);
    if (key !== undefined) found.set(key, String(end));
  }
  return found;
}

/** The path of the key that an object belongs to; undefined for one that is neither document nor part of a stream. */
function ownerOf(objectKey: string): string | undefined {
  if (objectKey.endsWith(suffix.document)) return objectKey.slice(0, -suffix.document.length);
  const folder = objectKey.slice(0, Math.max(0, objectKey.lastIndexOf('/')));
  return folder.endsWith(suffix.stream) ? folder.slice(0, -suffix.stream.length) : undefined;
}

/** The segments that are too long for a name; an object beside holds each. A name tells its segment for ever. */
class LongNames {
  readonly #bucket: Bucket;
  readonly #segments = new Map<string, string>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** There before anything that needs them. */
  async write(key: string): Promise<void> {
    const names: string[] = [];
    for (const segment of checkKey(key)) {
      names.push(fileName(segment));
      const path = names.join('/');
      if (!names.at(-1)?.includes('.') || this.#segments.has(path)) continue;
      await this.#bucket.put(`${path}${suffix.name}`, Buffer.from(segment));
      this.#segments.set(path, segment);
    }
  }

  forget(folder: string): void {
    for (const path of this.#segments.keys()) {
      if (path === folder || isWithin(path, folder)) this.#segments.delete(path);
    }
  }

  /** The key of a path; undefined when the name of a long segment is gone. */
  async keyOf(path: string): Promise<string | undefined> {
    const names = path.split('/');
    const segments: string[] = [];
    for (const [index, name] of names.entries()) {
      const segment = name.includes('.')
        ? await this.#segmentOf(names.slice(0, index + 1).join('/'))
        : plainSegment(name);
      if (segment === undefined) return undefined;
      segments.push(segment);
    }
    return segments.join('/');
  }

  async #segmentOf(path: string): Promise<string | undefined> {
    const segment = this.#segments.get(path) ?? (await this.#bucket.get(`${path}${suffix.name}`))?.toString('utf8');
    if (segment !== undefined) this.#segments.set(path, segment);
    return segment;
  }
}
