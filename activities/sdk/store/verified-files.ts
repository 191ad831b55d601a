import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { open, stat, utimes } from 'node:fs/promises';
import { onDisk } from '../durable-files.js';
import { artifactDamaged } from './reference.js';

/** Read and write sizes: large enough for the disk, small enough to leave the event loop responsive. */
export const chunkBytes = 1 << 20;

/** Oldest entries are dropped beyond this many, so a worker that lives for years stays small. */
const mostRemembered = 20_000;

interface Remembered {
  identity: string;
  readonly verified: Promise<void>;
}

/**
 * Remembers which files were hashed, by path, size, modification time and inode, so that a big file is read for its
 * digest once and not for each step that uses it.
 */
export class VerifiedFiles {
  readonly #remembered = new Map<string, Remembered>();

  /** Resolves when the file has the digest; SYSTEM_ARTIFACT_DAMAGED when not, ENOENT when it is gone. */
  async check(path: string, sha256: string): Promise<void> {
    const known = this.#remembered.get(path);
    const identity = identityOf(await stat(path, { bigint: true }));
    if (known?.identity === identity) return known.verified;
    const verified = hashFile(path).then((digest) => {
      if (digest !== sha256) throw artifactDamaged(sha256, path);
    });
    this.#remember(path, { identity, verified });
    verified.catch(() => this.#remembered.delete(path));
    return verified;
  }

  /** Sets the modification time to now, without forgetting that the file was verified. */
  async touch(path: string): Promise<void> {
    const before = identityOf(await stat(path, { bigint: true }));
    const now = new Date();
    await utimes(path, now, now);
    const known = this.#remembered.get(path);
    if (known?.identity !== before) return;
    const after = identityOf(await stat(path, { bigint: true }));
    if (after.split(':')[0] === before.split(':')[0]) known.identity = after;
  }

  #remember(path: string, entry: Remembered): void {
    this.#remembered.delete(path);
    this.#remembered.set(path, entry);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > mostRemembered && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

function identityOf(stats: BigIntStats): string {
  return `${stats.dev}/${stats.ino}/${stats.size}:${stats.mtimeNs}`;
}

/** SHA-256 (hex) of a file, read in constant memory. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      const { bytesRead } = await onDisk('read', path, () => handle.read(buffer, 0, buffer.length, null));
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}
