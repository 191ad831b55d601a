import type { Stats } from 'node:fs';
import { link, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensureDirectory, inDirectory, isErrno, removeOld, syncDirectory, unlessAbsent } from '../durable-files.js';
import { artifactMissing } from './reference.js';
import type { VerifiedFiles } from './verified-files.js';

/** A file used within this time is not touched again; so a grace period has to be longer. */
const touchAfterMs = 3_600_000;

/**
 * The object files of a file store: `sha256/ab/<hex>`, plus `trash/<hex>` for the instant in which garbage collection
 * decides. Collection moves an object aside, looks at its time again and puts it back if somebody has just stored or
 * used it; whoever misses an object looks in the trash and takes it out, so a collector killed in between loses nothing.
 */
export class ObjectFiles {
  readonly root: string;
  readonly #verified: VerifiedFiles;

  constructor(root: string, verified: VerifiedFiles) {
    this.root = root;
    this.#verified = verified;
  }

  path(sha256: string): string {
    return join(this.root, 'sha256', sha256.slice(0, 2), sha256);
  }

  #trash(sha256: string): string {
    return join(this.root, 'trash', sha256);
  }

  /** Moves a finished temporary file to its place, over whatever is there: that repairs and refreshes it. */
  async publish(temporary: string, sha256: string): Promise<void> {
    const path = this.path(sha256);
    await inDirectory(dirname(path), () => rename(temporary, path));
    await syncDirectory(dirname(path));
  }

  async stats(sha256: string): Promise<Stats | undefined> {
    return (
      (await unlessAbsent(stat(this.path(sha256)))) ??
      ((await this.#takeBack(sha256)) ? stat(this.path(sha256)) : undefined)
    );
  }

  /** The path of an object, now protected by the grace period; SYSTEM_ARTIFACT_MISSING when it is not there. */
  async use(sha256: string): Promise<string> {
    const path = this.path(sha256);
    for (let tries = 0; tries < 3; tries++) {
      const stats = await this.stats(sha256);
      if (stats === undefined) break;
      if (Date.now() - stats.mtimeMs < touchAfterMs) return path;
      try {
        await this.#verified.touch(path);
        return path;
      } catch (error) {
        // A store that this user may only read has its collection elsewhere, or none.
        if (isErrno(error, 'EPERM', 'EACCES', 'EROFS')) return path;
        if (!isErrno(error, 'ENOENT')) throw error;
      }
    }
    throw artifactMissing(sha256, path);
  }

  async *list(): AsyncGenerator<{ sha256: string; sizeBytes: number; writtenAtMs: number }> {
    const top = join(this.root, 'sha256');
    for (const shard of (await unlessAbsent(readdir(top))) ?? []) {
      for (const sha256 of (await unlessAbsent(readdir(join(top, shard)))) ?? []) {
        if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
        const stats = await unlessAbsent(stat(this.path(sha256)));
        if (stats !== undefined) yield { sha256, sizeBytes: stats.size, writtenAtMs: stats.mtimeMs };
      }
    }
  }

  async delete(sha256: string): Promise<void> {
    await rm(this.path(sha256), { force: true });
    await rm(this.#trash(sha256), { force: true });
    await rm(join(this.root, 'dirs', sha256), { recursive: true, force: true });
  }

  async deleteIfOlder(sha256: string, beforeMs: number): Promise<boolean> {
    const stats = await unlessAbsent(stat(this.path(sha256)));
    if (stats === undefined || stats.mtimeMs >= beforeMs) return false;
    const trash = this.#trash(sha256);
    await ensureDirectory(dirname(trash));
    const moved = await unlessAbsent(rename(this.path(sha256), trash).then(() => true));
    const aside = moved && (await unlessAbsent(stat(trash)));
    if (!aside) return false;
    if (aside.mtimeMs >= beforeMs) {
      await this.#takeBack(sha256);
      return false;
    }
    await rm(trash, { force: true });
    await rm(join(this.root, 'dirs', sha256), { recursive: true, force: true });
    return true;
  }

  /** Removes temporary files and folders older than the time, and takes back what a killed collector moved aside. */
  async removeLeftovers(beforeMs: number): Promise<number> {
    for (const sha256 of (await unlessAbsent(readdir(join(this.root, 'trash')))) ?? []) await this.#takeBack(sha256);
    return removeOld(join(this.root, 'tmp'), beforeMs);
  }

  async #takeBack(sha256: string): Promise<boolean> {
    const trash = this.#trash(sha256);
    try {
      await link(trash, this.path(sha256));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return (await unlessAbsent(stat(this.path(sha256)))) !== undefined;
      if (!isErrno(error, 'EEXIST')) throw error;
    }
    await unlessAbsent(unlink(trash));
    return true;
  }
}
