import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open as openFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { errnoOf, inDirectory, onDisk } from '../durable-files.js';
import type { ArtifactStore } from '../ports.js';
import { chunkBytes } from './verified-files.js';

/** What `put` takes. */
export type Source = Parameters<ArtifactStore['put']>[0];

export interface StagedFile {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * Writes a source to a flushed, read-only file in a folder, in constant memory. `place` makes it count; nothing of the
 * file is left afterwards, unless it was moved. USER_FILE_NOT_FOUND for a path that cannot be read, USER_OPTION_INVALID
 * for one that is no file.
 */
export async function staged<T>(source: Source, folder: string, place: (file: StagedFile) => Promise<T>): Promise<T> {
  const from = await openSource(source);
  const path = join(folder, `${process.pid}-${randomUUID()}`);
  let handle: FileHandle | undefined;
  try {
    handle = await inDirectory(folder, () => openFile(path, 'wx', 0o444));
    const { sha256, sizeBytes } = await copyHashed(from, handle, path);
    // A slow source must not make a new object look old to garbage collection.
    await handle.utimes(new Date(), new Date());
    await handle.sync();
    await handle.close();
    handle = undefined;
    return await place({ path, sha256, sizeBytes });
  } finally {
    if (from instanceof Readable) from.destroy();
    await handle?.close();
    await rm(path, { force: true }).catch(() => undefined);
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
