import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEvertrainError } from '../../../workflows/sdk/errors.js';
import { type Bucket, largestPutBytes, type OpenedObject } from '../s3/bucket.js';
import type { StagedFile } from './source.js';

/** An object used within this time is not marked again; so a grace period has to be longer. */
const usedForMs = 3_600_000;
/** A collector that could not decide within this time lets the object be. */
const decideWithinMs = 10_000;
/** Longer than that: a mark that is still there then was left by a collector that was killed. */
const waitForCollectorMs = 30_000;

const suffixes = { damaged: '.damaged', doomed: '.doomed', used: '.used' } as const;
const nothing = Buffer.alloc(0);

interface Found {
  readonly sizeBytes: number;
  readonly isDamaged: boolean;
  /** When it was last written or used. */
  readonly usedAtMs: number;
}

/**
 * The objects of a store in S3, `sha256/ab/<hex>`, and empty marks beside them, since an object's time cannot be set:
 * `.used` renews it for garbage collection, `.damaged` lets the next writer of the same bytes replace what a reader found
 * damaged, `.doomed` is there while a collector decides.
 *
 * A collector first dooms, then looks at the times, then removes. Who relies on an old object first marks it as used, then
 * looks whether it is doomed. So either the collector sees the use, or the user sees the collector and waits for it.
 */
export class S3Objects {
  readonly #bucket: Bucket;
  /** When objects are known to have been there, and young enough; epoch ms. */
  readonly #used = new Map<string, number>();

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  shown(sha256: string): string {
    return this.#bucket.shown(keyOf(sha256));
  }

  /** Makes it so that the object is there, whole, and protected by the grace period. */
  async publish(file: StagedFile): Promise<void> {
    const { path, sha256, sizeBytes } = file;
    const key = keyOf(sha256);
    const create = () => this.#bucket.createFromFile(key, path, sizeBytes);
    // What is new and small takes one request; of what is large, the upload is saved where it is there already.
    if (sizeBytes <= largestPutBytes && (await create())) return;
    for (;;) {
      const found = await this.#look(sha256);
      if (found === undefined) {
        if (await create()) return;
        continue;
      }
      const isSound = !found.isDamaged && found.sizeBytes === sizeBytes;
      if (isSound && isRecent(found.usedAtMs)) return;
      await this.#mark(sha256, 'used');
      await this.#untilDecided(sha256);
      if (isSound && (await this.#bucket.has(key))) return;
      if (isSound) continue;
      await this.#bucket.createFromFile(key, path, sizeBytes, true);
      await this.#bucket.delete([`${key}${suffixes.damaged}`]);
      return;
    }
  }

  /** Whether it is there; if so, it is protected by the grace period from now on. */
  async use(sha256: string): Promise<boolean> {
    if (isRecent(this.#used.get(sha256) ?? 0)) return true;
    const found = await this.#look(sha256);
    if (found === undefined) return false;
    if (isRecent(found.usedAtMs)) {
      this.#remember(sha256, found.usedAtMs);
      return true;
    }
    try {
      await this.#mark(sha256, 'used');
    } catch (error) {
      // Credentials that may only read leave the collection to others.
      if (isEvertrainError(error)) return true;
      throw error;
    }
    await this.#untilDecided(sha256);
    if (!(await this.#bucket.has(keyOf(sha256)))) return false;
    this.#remember(sha256, Date.now());
    return true;
  }

  has(sha256: string): Promise<boolean> {
    return this.#bucket.has(keyOf(sha256));
  }

  open(sha256: string): Promise<OpenedObject | undefined> {
    return this.#bucket.open(keyOf(sha256));
  }

  /** Notes that a reader found other bytes than the digest says. */
  async noteDamage(sha256: string): Promise<void> {
    await this.#mark(sha256, 'damaged').catch(() => undefined);
  }

  async *list(): AsyncGenerator<{ sha256: string; sizeBytes: number; writtenAtMs: number }> {
    let object: { sha256: string; sizeBytes: number; writtenAtMs: number } | undefined;
    // An object's marks follow it at once: "." comes before every digit.
    for await (const { key, sizeBytes, writtenAtMs } of this.#bucket.list('sha256/')) {
      const [, sha256, mark] = /^sha256\/..\/([0-9a-f]{64})(\.[a-z]+)?$/.exec(key) ?? [];
      if (sha256 === undefined) continue;
      if (mark === undefined) {
        if (object !== undefined) yield object;
        object = { sha256, sizeBytes, writtenAtMs };
      } else if (mark === suffixes.used && object?.sha256 === sha256) {
        object.writtenAtMs = Math.max(object.writtenAtMs, writtenAtMs);
      }
    }
    if (object !== undefined) yield object;
  }

  async delete(sha256: string): Promise<void> {
    this.#used.delete(sha256);
    const key = keyOf(sha256);
    await this.#bucket.delete([key, `${key}${suffixes.used}`, `${key}${suffixes.damaged}`]);
  }

  async deleteIfOlder(sha256: string, beforeMs: number): Promise<boolean> {
    const doomed = `${keyOf(sha256)}${suffixes.doomed}`;
    if (!(await this.#bucket.create(doomed, nothing))) return false;
    try {
      const since = performance.now();
      const found = await this.#look(sha256);
      if (found === undefined || found.usedAtMs >= beforeMs) return false;
      if (performance.now() - since > decideWithinMs) return false;
      await this.delete(sha256);
      return true;
    } finally {
      await this.#bucket.delete([doomed]);
    }
  }

  /** Removes marks that a killed collector or a deleted object left, and unfinished uploads, from before the time. */
  async removeLeftovers(beforeMs: number): Promise<number> {
    let removed = await this.#bucket.abortUploads(beforeMs);
    let object: string | undefined;
    for await (const { key, writtenAtMs } of this.#bucket.list('sha256/')) {
      const [owner = key, mark] = key.split('.');
      if (mark === undefined) object = key;
      if (mark === undefined || writtenAtMs >= beforeMs) continue;
      if (object === owner && `.${mark}` !== suffixes.doomed) continue;
      await this.#bucket.delete([key]);
      removed++;
    }
    return removed;
  }

  async #look(sha256: string): Promise<Found | undefined> {
    const key = keyOf(sha256);
    let found: Found | undefined;
    for await (const object of this.#bucket.list(key)) {
      if (object.key === key) found = { sizeBytes: object.sizeBytes, isDamaged: false, usedAtMs: object.writtenAtMs };
      else if (found === undefined) return undefined;
      else if (object.key === `${key}${suffixes.damaged}`) found = { ...found, isDamaged: true };
      else if (object.key === `${key}${suffixes.used}`) {
        found = { ...found, usedAtMs: Math.max(found.usedAtMs, object.writtenAtMs) };
      }
    }
    return found;
  }

  async #untilDecided(sha256: string): Promise<void> {
    const doomed = `${keyOf(sha256)}${suffixes.doomed}`;
    for (const since = performance.now(); await this.#bucket.has(doomed); await sleep(200)) {
      if (performance.now() - since < waitForCollectorMs) continue;
      await this.#bucket.delete([doomed]);
      return;
    }
  }

  async #mark(sha256: string, mark: keyof typeof suffixes): Promise<void> {
    await this.#bucket.put(`${keyOf(sha256)}${suffixes[mark]}`, nothing);
  }

  #remember(sha256: string, atMs: number): void {
    this.#used.delete(sha256);
    this.#used.set(sha256, atMs);
    const [oldest] = this.#used.keys();
    if (this.#used.size > 20_000 && oldest !== undefined) this.#used.delete(oldest);
  }
}

function keyOf(sha256: string): string {
  return `sha256/${sha256.slice(0, 2)}/${sha256}`;
}

function isRecent(atMs: number): boolean {
  return Date.now() - atMs < usedForMs;
}
