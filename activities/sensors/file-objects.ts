import type { Dirent } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onDisk, unlessAbsent } from '../sdk/durable-files.js';
import type { ObjectSource, SeenObject } from './object-source.js';

/** Files whose size and time are asked for at once. */
const atOnce = 64;

/**
 * Files of this machine, by path or `file:` url. A folder is no object; below a prefix links are not followed, so no look
 * leaves it or goes in circles.
 */
export const fileObjects: ObjectSource = {
  scheme: 'file',
  async find(uri) {
    const path = pathOf(uri);
    const found = await onDisk('look at', path, () => unlessAbsent(stat(path)));
    return found?.isFile() === true ? seen(uri, found) : undefined;
  },
  async *list(prefix, signal) {
    const folders = [{ path: pathOf(prefix), uri: prefix }];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const { path, uri } = folder;
      for await (const entries of portions(path)) {
        signal.throwIfAborted();
        for (const { name } of entries.filter((entry) => entry.isDirectory())) {
          folders.push({ path: join(path, name), uri: `${uri}${inUri(prefix, name)}/` });
        }
        yield* await filesAmong(path, uri, prefix, entries);
      }
    }
  },
};

/** The entries of a folder, some at a time; none where it does not exist. */
async function* portions(path: string): AsyncGenerator<Dirent[]> {
  const folder = await onDisk('list', path, () => unlessAbsent(opendir(path, { bufferSize: 256 })));
  if (folder === undefined) return;
  let portion: Dirent[] = [];
  for await (const entry of folder) {
    if (portion.push(entry) < atOnce) continue;
    yield portion;
    portion = [];
  }
  yield portion;
}

async function filesAmong(path: string, uri: string, prefix: string, entries: Dirent[]): Promise<SeenObject[]> {
  const files = entries.filter((entry) => entry.isFile());
  const found = await onDisk('look at files of', path, () =>
    // One that has gone since it was listed is not there.
    Promise.all(files.map(({ name }) => unlessAbsent(lstat(join(path, name))))),
  );
  return files.flatMap(({ name }, n) => {
    const stats = found[n];
    return stats === undefined ? [] : [seen(`${uri}${inUri(prefix, name)}`, stats)];
  });
}

function seen(uri: string, { size, mtimeMs }: { readonly size: number; readonly mtimeMs: number }): SeenObject {
  return { uri, sizeBytes: size, modifiedMs: mtimeMs };
}

function pathOf(uri: string): string {
  return uri.startsWith('file://') ? fileURLToPath(uri) : resolve(uri);
}

/** A name as it stands in a uri of the prefix's form. */
function inUri(prefix: string, name: string): string {
  return prefix.startsWith('file://') ? encodeURIComponent(name) : name;
}
