import { createHash } from 'node:crypto';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pipeline, type Readable, Transform } from 'node:stream';
import { directoryMediaType } from '../../../workflows/sdk/artifact.js';
import { errnoOf, isErrno, onDisk, storeUnavailable } from '../durable-files.js';
import type { ArtifactStore } from '../ports.js';
import { materializeDirectory } from './directory-cache.js';
import { ObjectFiles } from './object-files.js';
import { artifactDamaged, artifactMissing, checkReference, checkSha256 } from './reference.js';
import { staged } from './source.js';
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
    put: (source, mediaType) =>
      onDisk('write to', folder, () =>
        staged(source, join(folder, 'tmp'), async ({ path, sha256, sizeBytes }) => {
          await objects.publish(path, sha256);
          return { uri: `${scheme}:sha256/${sha256}`, sha256, sizeBytes, mediaType };
        }),
      ),
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
