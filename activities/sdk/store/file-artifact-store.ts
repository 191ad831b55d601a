import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open as openFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline, Readable, Transform } from 'node:stream';
import { type Artifact, directoryMediaType } from '../../../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { errnoOf, inDirectory, isErrno, onDisk, storeUnavailable } from '../durable-files.js';
import type { ArtifactStore } from '../ports.js';
import { materializeDirectory } from './directory-cache.js';
import { ObjectFiles } from './object-files.js';
import { artifactDamaged, artifactMissing, checkReference, checkSha256 } from './reference.js';
import type { SweepableStore, Tidyable } from './sweepable.js';
import { chunkBytes, VerifiedFiles } from './verified-files.js';

/**
 * The artifact store in a folder. An object is one read-only file, `sha256/ab/<64 hex digits>`. A writer streams into
 * `tmp/`, hashing on the way, flushes, and renames over the object's name: readers see all of it or nothing, writers of
 * the same bytes replace each other's equal file, and a damaged object is repaired by storing its bytes again. A file's
 * modification time says when it was last stored or used (to the hour), which is what garbage collection's grace period
 * goes by. `dirs/<manifest digest>/` caches directories, as hard links to objects where the file system allows.
 *
 * Disk errors are SYSTEM_STORE_UNAVAILABLE. Nothing but 64 hex digits ever becomes part of a path.
 */
export interface FileArtifactStore extends ArtifactStore, SweepableStore, Tidyable {}

type Source = Parameters<ArtifactStore['put']>[0];

const scheme = 'file';

export function fileArtifactStore(root: string): FileArtifactStore {
  const folder = resolve(root);
  const verified = new VerifiedFiles();
  const objects = new ObjectFiles(folder, verified);

  const verifiedObject = async (sha256: string): Promise<string> => {
    const path = await objects.use(sha256);
    try {
      await verified.check(path, sha256);
    } catch (error) {
      throw isErrno(error, 'ENOENT') ? artifactMissing(sha256, path) : error;
    }
    return path;
  };

  return {
    scheme,
    put: (source, mediaType) => onDisk('write to', folder, () => put(objects, source, mediaType)),
    async open(artifact) {
      const sha256 = checkReference(artifact, scheme);
      return onDisk('read', objects.path(sha256), () => openVerified(objects, sha256));
    },
    async materialize(artifact) {
      const sha256 = checkReference(artifact, scheme);
      return onDisk('read', objects.path(sha256), async () => {
        const path = await verifiedObject(sha256);
        if (artifact.mediaType !== directoryMediaType) return path;
        return materializeDirectory({ root: folder, sha256, manifestPath: path, verified, verifiedObject });
      });
    },
    async has(sha256) {
      const path = objects.path(checkSha256(sha256));
      return onDisk('read', path, async () => (await objects.stats(sha256)) !== undefined);
    },
    list: () => objects.list(),
    delete: async (sha256) => onDisk('remove', objects.path(checkSha256(sha256)), () => objects.delete(sha256)),
    deleteIfOlder: async (sha256, beforeMs) =>
      onDisk('remove', objects.path(checkSha256(sha256)), () => objects.deleteIfOlder(sha256, beforeMs)),
    removeLeftovers: (beforeMs) => onDisk('tidy', folder, () => objects.removeLeftovers(beforeMs)),
  };
}

async function put(objects: ObjectFiles, source: Source, mediaType: string): Promise<Artifact> {
  const from = await openSource(source);
  const temporary = join(objects.root, 'tmp', `${process.pid}-${randomUUID()}`);
  let handle: FileHandle | undefined;
  try {
    handle = await inDirectory(join(objects.root, 'tmp'), () => openFile(temporary, 'wx', 0o444));
    const { sha256, sizeBytes } = await copyHashed(from, handle, temporary);
    // A slow source must not make a new object look old to garbage collection.
    await handle.utimes(new Date(), new Date());
    await handle.sync();
    await handle.close();
    handle = undefined;
    await objects.publish(temporary, sha256);
    return { uri: `${scheme}:sha256/${sha256}`, sha256, sizeBytes, mediaType };
  } catch (error) {
    if (from instanceof Readable) from.destroy();
    await handle?.close();
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function openSource(source: Source): Promise<Readable | readonly [Uint8Array]> {
  if (source instanceof Uint8Array) return [source];
  if (source instanceof Readable) return source;
  try {
    const handle = await openFile(source.path, 'r');
    if ((await handle.stat()).isFile()) return handle.createReadStream({ highWaterMark: chunkBytes });
    await handle.close();
  } catch (error) {
    throw new EvertrainError('USER_FILE_NOT_FOUND', `Cannot read the file ${source.path}: ${errnoOf(error)}.`, {
      value: source.path,
      remedy: 'Check that the file exists and that the worker may read it.',
      cause: error,
    });
  }
  throw new EvertrainError('USER_OPTION_INVALID', `${source.path} is not a file.`, {
    value: source.path,
    remedy: 'Store a directory with putDirectory.',
  });
}

async function copyHashed(from: AsyncIterable<unknown> | Iterable<unknown>, to: FileHandle, path: string) {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of from) {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      throw new EvertrainError('USER_OPTION_INVALID', `A source stream gave ${show(chunk)} where bytes belong.`, {
        value: chunk,
        remedy: 'Pass a stream of bytes, not one in object mode.',
      });
    }
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    hash.update(bytes);
    sizeBytes += bytes.length;
    await onDisk('write', path, () => to.writeFile(bytes));
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

async function openVerified(objects: ObjectFiles, sha256: string): Promise<Readable> {
  const path = await objects.use(sha256);
  let handle: FileHandle;
  try {
    handle = await openFile(path, 'r');
  } catch (error) {
    throw isErrno(error, 'ENOENT') ? artifactMissing(sha256, path) : error;
  }
  const hash = createHash('sha256');
  const verifying = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush: (done) => done(hash.digest('hex') === sha256 ? null : artifactDamaged(sha256, path)),
    destroy: (error, done) => done(errnoOf(error) === undefined ? error : storeUnavailable(error, 'read', path)),
  });
  // The pipeline reports its errors on the stream that the caller holds.
  pipeline(handle.createReadStream({ highWaterMark: chunkBytes }), verifying, () => undefined);
  return verifying;
}
