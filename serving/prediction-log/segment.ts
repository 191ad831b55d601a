import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inDirectory, syncDirectory, unlessAbsent } from '../../activities/sdk/durable-files.js';
import { journalKey } from '../../activities/sdk/ports.js';

/**
 * The log of a model is a folder of segments, append-only JSONL files. `predictions-…` are turned into Parquet files of
 * the same name when they are closed; `labels-…` stay. A name holds when the segment was begun and its group: segments
 * of one group have equal columns.
 */

export type SegmentKind = 'predictions' | 'labels';

export interface SegmentFile {
  readonly kind: SegmentKind;
  /** Path without its ending. */
  readonly stem: string;
  /** Of the file that counts: where there are both, the Parquet file. */
  readonly path: string;
  readonly format: 'parquet' | 'jsonl';
  /** Epoch milliseconds. */
  readonly beganAt: number;
  readonly group: string;
}

const pattern = /^(predictions|labels)-(\d{15})-([a-z0-9]+)-[a-z0-9]+\.(parquet|jsonl)$/;

/** The folder of a model's log: readable, safe on every file system, and of a length that each of them takes. */
export function logFolder(dataDir: string, model: string): string {
  const safe = journalKey(model);
  // File systems that take A for a would mix two models up.
  const isPlain = safe.length <= 80 && safe === safe.toLowerCase();
  const digest = createHash('sha256').update(model).digest('hex').slice(0, 16);
  return join(dataDir, 'serving', 'predictions', isPlain ? safe : `${safe.slice(0, 60).toLowerCase()}-${digest}`);
}

/** Every segment of a folder once, oldest first; an absent folder has none. */
export async function listSegments(folder: string): Promise<SegmentFile[]> {
  const found = new Map<string, SegmentFile>();
  for (const name of ((await unlessAbsent(readdir(folder))) ?? []).sort()) {
    const [, kind, time, group, format] = pattern.exec(name) ?? [];
    if (kind === undefined || time === undefined || group === undefined) continue;
    const stem = join(folder, name.slice(0, name.lastIndexOf('.')));
    // "jsonl" sorts before "parquet", which replaces it.
    found.set(stem, {
      kind: kind as SegmentKind,
      stem,
      path: join(folder, name),
      format: format as SegmentFile['format'],
      beganAt: Number(time),
      group,
    });
  }
  return [...found.values()].sort((a, b) => a.beganAt - b.beganAt);
}

/** An open segment: each write is in the file whole, or not at all. */
export class Segment {
  readonly stem: string;
  readonly beganAt: number;
  readonly #handle: FileHandle;
  #sizeBytes = 0;
  #isBroken = false;

  private constructor(stem: string, beganAt: number, handle: FileHandle) {
    this.stem = stem;
    this.beganAt = beganAt;
    this.#handle = handle;
  }

  static async begin(folder: string, kind: SegmentKind, group: string): Promise<Segment> {
    const now = Date.now();
    const name = `${kind}-${String(now).padStart(15, '0')}-${group}-${randomBytes(5).toString('hex')}`;
    const stem = join(folder, name);
    return inDirectory(folder, async () => {
      const handle = await open(`${stem}.jsonl`, 'ax');
      try {
        await syncDirectory(folder);
        return new Segment(stem, now, handle);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** No write can be relied on any more: the file is gone, or ends with half a line that could not be cut off. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      await this.#handle.appendFile(bytes);
      this.#sizeBytes += bytes.byteLength;
    } catch (error) {
      await this.#handle.truncate(this.#sizeBytes).catch(() => {
        this.#isBroken = true;
      });
      throw error;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
    if ((await this.#handle.stat()).nlink === 0) this.#isBroken = true;
  }

  /** Without a line it leaves no file. */
  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#sizeBytes === 0) await rm(`${this.stem}.jsonl`, { force: true });
  }
}
