import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { directoryMediaType } from '../../../workflows/sdk/artifact.js';
import { isEvertrainError } from '../../../workflows/sdk/errors.js';
import { isErrno, onDisk } from '../durable-files.js';
import type { ArtifactStore } from '../ports.js';
import { Bucket } from '../s3/bucket.js';
import type { S3Options } from '../s3/location.js';
import { materializeDirectory } from './directory-cache.js';
import { ObjectFiles } from './object-files.js';
import { artifactDamaged, artifactMissing, checkReference, checkSha256 } from './reference.js';
import { S3Objects } from './s3-objects.js';
import { staged } from './source.js';
import type { SweepableStore, Tidyable } from './sweepable.js';
import { VerifiedFiles } from './verified-files.js';

/**
 * The artifact store in S3, below `artifacts/`. A writer streams into a local file, which tells the digest, and uploads it
 * where no object has that name; large ones go in parts, and count only when all are there. `materialize` reads through
 * a local folder of verified files. Damaged bytes are replaced when the same bytes are stored after a reader noticed.
 *
 * What the server or the local disk cannot do is SYSTEM_STORE_UNAVAILABLE; without the AWS SDK, SYSTEM_PEER_MISSING.
 */
export interface S3ArtifactStore extends ArtifactStore, SweepableStore, Tidyable {}

export interface S3ArtifactStoreOptions extends S3Options {
  /** Local folder of what was read; `removeLeftovers` empties it of what was not used since. */
  readonly cacheDir: string;
}

const scheme = 's3';

export function s3ArtifactStore(options: S3ArtifactStoreOptions): S3ArtifactStore {
  const objects = new S3Objects(new Bucket(options, 'artifacts/'));
  const cache = new LocalCache(resolve(options.cacheDir), objects);
  const folder = cache.root;
  return {
    scheme,
    put: (source, mediaType) =>
      onDisk('write to', folder, () =>
        staged(source, join(folder, 'tmp'), async (file) => {
          await objects.publish(file);
          const { sha256, sizeBytes } = file;
          return { uri: `${scheme}:sha256/${sha256}`, sha256, sizeBytes, mediaType };
        }),
      ),
    async open(artifact) {
      const sha256 = checkReference(artifact, scheme);
      if (!(await objects.use(sha256))) throw artifactMissing(sha256, objects.shown(sha256));
      return verifiedStream(objects, sha256);
    },
    async materialize(artifact) {
      const sha256 = checkReference(artifact, scheme);
      return onDisk('read', cache.files.path(sha256), async () => {
        const path = await cache.verifiedObject(sha256);
        if (artifact.mediaType !== directoryMediaType) return path;
        const { verified, verifiedObject } = cache;
        return materializeDirectory({ root: folder, sha256, manifestPath: path, verified, verifiedObject });
      });
    },
    has: async (sha256) => objects.has(checkSha256(sha256)),
    list: () => objects.list(),
    async delete(sha256) {
      await objects.delete(checkSha256(sha256));
      await onDisk('remove', cache.files.path(sha256), () => cache.files.delete(sha256));
    },
    async deleteIfOlder(sha256, beforeMs) {
      if (!(await objects.deleteIfOlder(checkSha256(sha256), beforeMs))) return false;
      await onDisk('remove', cache.files.path(sha256), () => cache.files.delete(sha256));
      return true;
    },
    removeLeftovers: async (beforeMs) =>
      (await objects.removeLeftovers(beforeMs)) + (await onDisk('tidy', folder, () => cache.removeUnused(beforeMs))),
  };
}

/** A stream of the object's bytes that fails at its end when the digest differs. */
async function verifiedStream(objects: S3Objects, sha256: string): Promise<Readable> {
  const opened = await objects.open(sha256);
  if (opened === undefined) throw artifactMissing(sha256, objects.shown(sha256));
  return Readable.from(verified(opened.bytes), { objectMode: false });

  async function* verified(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    for await (const chunk of bytes) {
      hash.update(chunk);
      yield chunk;
    }
    if (hash.digest('hex') === sha256) return;
    await objects.noteDamage(sha256);
    throw artifactDamaged(sha256, objects.shown(sha256));
  }
}

/** Verified copies of objects on this machine. */
class LocalCache {
  readonly root: string;
  readonly verified = new VerifiedFiles();
  readonly files: ObjectFiles;
  readonly #objects: S3Objects;
  readonly #coming = new Map<string, Promise<string>>();

  constructor(root: string, objects: S3Objects) {
    this.root = root;
    this.files = new ObjectFiles(root, this.verified);
    this.#objects = objects;
  }

  /** The path of the object's file; fetched once, however many ask at once. */
  readonly verifiedObject = (sha256: string): Promise<string> => {
    const coming = this.#coming.get(sha256) ?? this.#provide(sha256).finally(() => this.#coming.delete(sha256));
    this.#coming.set(sha256, coming);
    return coming;
  };

  /** Removes copies that were not used since the time, and what killed writers left. */
  async removeUnused(beforeMs: number): Promise<number> {
    let removed = await this.files.removeLeftovers(beforeMs);
    for await (const { sha256 } of this.files.list()) if (await this.files.deleteIfOlder(sha256, beforeMs)) removed++;
    return removed;
  }

  async #provide(sha256: string): Promise<string> {
    const copy = await this.#intactCopy(sha256);
    if (!(await this.#isStored(sha256, copy !== undefined))) {
      await this.files.delete(sha256);
      throw artifactMissing(sha256, this.#objects.shown(sha256));
    }
    if (copy !== undefined) return copy;
    const source = await verifiedStream(this.#objects, sha256);
    await staged(source, join(this.root, 'tmp'), ({ path }) => this.files.publish(path, sha256));
    return this.files.path(sha256);
  }

  /** A copy of an object that was deleted must not count; while the server is away, it does. */
  async #isStored(sha256: string, hasCopy: boolean): Promise<boolean> {
    try {
      return await this.#objects.use(sha256);
    } catch (error) {
      if (hasCopy && isEvertrainError(error) && error.code === 'SYSTEM_STORE_UNAVAILABLE') return true;
      throw error;
    }
  }

  async #intactCopy(sha256: string): Promise<string | undefined> {
    try {
      const path = await this.files.use(sha256);
      await this.verified.check(path, sha256);
      return path;
    } catch (error) {
      const isGone = isErrno(error, 'ENOENT') || (isEvertrainError(error) && error.code === 'SYSTEM_ARTIFACT_MISSING');
      if (isGone) return undefined;
      if (!isEvertrainError(error) || error.code !== 'SYSTEM_ARTIFACT_DAMAGED') throw error;
      await rm(this.files.path(sha256), { force: true });
      return undefined;
    }
  }
}
