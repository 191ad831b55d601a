import { setTimeout as sleep } from 'node:timers/promises';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Bucket } from '../s3/bucket.js';
import { checkLines, mostReadBytes, parseCursor } from './stream-file.js';

/**
 * A stream in S3, where nothing can be appended to: each append is an object of whole lines, named by the byte that it
 * begins at. Eight objects of a kind are merged into the first of them, so a long stream has few objects and each byte is
 * written about three times. A reader goes by bytes, so it does not matter to it whether it finds objects merged, not
 * yet, or, after a writer was killed in between, both.
 */
const mergedAtOnce = 8;
/** What is larger is left as it is. */
const fullBytes = 512 << 10;
const readAtOnce = 8;
/** Looks at objects that are being merged until they are whole. */
const mostLooks = 4;
const mostTries = 20;

interface Segment {
  readonly start: number;
  readonly end: number;
}

interface Written {
  readonly start: number;
  readonly bytes: Buffer;
  /** How often its lines were merged. */
  readonly level: number;
}

/** The one writer of a stream. A second one would not lose lines either: it goes on behind what it finds. */
export class S3StreamWriter {
  readonly #bucket: Bucket;
  readonly #folder: string;
  #end: number | undefined;
  /** Written by us, one behind the other, and small enough to be merged. */
  #small: Written[] = [];

  /** `folder` ends in `/`. */
  constructor(bucket: Bucket, folder: string) {
    this.#bucket = bucket;
    this.#folder = folder;
  }

  async append(lines: readonly string[]): Promise<void> {
    checkLines(lines);
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    for (let tries = 0; tries < mostTries; tries++) {
      const start = this.#end ?? (await endOf(this.#bucket, this.#folder));
      this.#end = undefined;
      if (await this.#bucket.create(keyOf(this.#folder, start), bytes)) {
        this.#end = start + bytes.length;
        this.#small.push({ start, bytes, level: 0 });
        // The lines are there; that they are not merged costs readers a little, and the step nothing.
        await this.#merge().catch(() => this.#forget());
        return;
      }
      this.#forget();
    }
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `Other writers append to ${this.#folder} all the time.`, {
      value: this.#folder,
      remedy: 'A stream has one writer; the append is tried again.',
    });
  }

  #forget(): void {
    this.#small = [];
  }

  async #merge(): Promise<void> {
    for (;;) {
      const last = this.#small.slice(-mergedAtOnce);
      const [first] = last;
      if (first === undefined || last.length < mergedAtOnce || last.some(({ level }) => level !== first.level)) return;
      const bytes = Buffer.concat(last.map((one) => one.bytes));
      if (bytes.length > fullBytes) return this.#forget();
      await this.#bucket.put(keyOf(this.#folder, first.start), bytes);
      await this.#bucket.delete(last.slice(1).map(({ start }) => keyOf(this.#folder, start)));
      this.#small.splice(-mergedAtOnce, mergedAtOnce, { start: first.start, bytes, level: first.level + 1 });
    }
  }
}

/** Lines from a cursor on, and the cursor after them: a byte of the stream. */
export async function readS3Stream(bucket: Bucket, folder: string, cursor: string | undefined) {
  const read = { lines: [] as string[], at: parseCursor(cursor) };
  const from = read.at;
  for (let looks = 1; ; looks++) {
    const segments = (await segmentsOf(bucket, folder)).filter(({ end }) => end > read.at);
    const isWhole = await readSegments(bucket, folder, segments, read, looks >= mostLooks);
    if (isWhole || read.at - from >= mostReadBytes || looks >= mostLooks) break;
    await sleep(20 * 2 ** looks);
  }
  return { lines: read.lines, cursor: String(read.at) };
}

/**
 * Reads on as far as objects follow each other; false when one was merged away since it was listed. A hole that stays is
 * passed by: its lines are lost, the ones behind are not.
 */
async function readSegments(
  bucket: Bucket,
  folder: string,
  segments: readonly Segment[],
  read: { readonly lines: string[]; at: number },
  passHoles: boolean,
): Promise<boolean> {
  const from = read.at;
  for (let at = 0; at < segments.length; at += readAtOnce) {
    const some = segments.slice(at, at + readAtOnce);
    const bodies = await Promise.all(some.map(({ start }) => bucket.get(keyOf(folder, start))));
    for (const [index, { start, end }] of some.entries()) {
      if (end <= read.at) continue;
      const body = bodies[index];
      if (body === undefined || start > read.at) {
        if (!passHoles) return false;
        if (body === undefined) continue;
        read.at = start;
      }
      const text = body.subarray(read.at - start, -1).toString('utf8');
      for (const line of text.split('\n')) read.lines.push(line);
      read.at = start + body.length;
      if (read.at - from >= mostReadBytes) return false;
    }
  }
  return true;
}

async function endOf(bucket: Bucket, folder: string): Promise<number> {
  const segments = await segmentsOf(bucket, folder);
  return segments.reduce((last, { end }) => Math.max(last, end), 0);
}

/** In the order of their start. */
async function segmentsOf(bucket: Bucket, folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for await (const { key, sizeBytes } of bucket.list(folder)) {
    const start = /\/(\d{15})$/.exec(key)?.[1];
    if (start !== undefined) segments.push({ start: Number(start), end: Number(start) + sizeBytes });
  }
  return segments;
}

function keyOf(folder: string, start: number): string {
  return `${folder}${String(start).padStart(15, '0')}`;
}
