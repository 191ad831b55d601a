import { withoutLink } from '../../workflows/sdk/errors.js';
import { groupOf, headerLine, type Layout } from './layout.js';
import { Segment } from './segment.js';

/** Written so often, a killed process loses no more than this. */
const writeEveryMs = 20;
/** Flushed so often, a power cut takes no more than this. */
const syncEveryMs = 200;
const longestRetryMs = 5_000;
/** Longest line; DuckDB reads a file only with room for its longest one. */
export const longestLineBytes = 1 << 20;

export interface WriterLimits {
  readonly bufferBytes: number;
  readonly segmentBytes: number;
  readonly segmentAgeMs: number;
}

interface WriterEvents {
  /** A segment is complete and may be turned into a Parquet file. */
  readonly closed: (stem: string) => void;
  /** Why nothing can be written now; undefined once it can again. */
  readonly problem: (reason: string | undefined) => void;
}

/**
 * Appends lines of one layout to segments, in groups and in the background. While the disk refuses, the lines are held
 * until the buffer is full, and the write is tried again; every line is written once, or was refused by `append`.
 */
export class PredictionWriter {
  readonly #folder: string;
  readonly #layout: Layout;
  readonly #limits: WriterLimits;
  readonly #events: WriterEvents;
  #lines: string[] = [];
  #heldBytes = 0;
  #segment: Segment | undefined;
  #isSynced = true;
  #syncedAt = 0;
  #retryMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(folder: string, layout: Layout, limits: WriterLimits, events: WriterEvents) {
    this.#folder = folder;
    this.#layout = layout;
    this.#limits = limits;
    this.#events = events;
  }

  /** Stem of the segment that it writes to. */
  get openStem(): string | undefined {
    return this.#segment?.stem;
  }

  /** False when there is no room: the line is not taken. */
  append(line: string): boolean {
    if (this.#heldBytes + line.length > this.#limits.bufferBytes || line.length > longestLineBytes) return false;
    this.#lines.push(line);
    this.#heldBytes += line.length;
    this.#schedule(writeEveryMs);
    return true;
  }

  /** Ends when everything appended before is in the file, or could not be written. */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#write());
  }

  /** Writes and flushes what it holds; the number of lines that could not be written. */
  async close(): Promise<number> {
    clearTimeout(this.#timer);
    await this.#inTurn(() => this.#write());
    await this.#inTurn(() => this.#endSegment());
    clearTimeout(this.#timer);
    return this.#lines.length;
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#inTurn(() => this.#work());
    }, this.#retryMs || ms).unref();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #work(): Promise<void> {
    await this.#write();
    if (this.#segment === undefined) return;
    const sinceSync = Date.now() - this.#syncedAt;
    if (!this.#isSynced && sinceSync >= syncEveryMs) await this.#sync(this.#segment);
    const { beganAt, sizeBytes, isBroken } = this.#segment;
    const age = Date.now() - beganAt;
    const { segmentAgeMs, segmentBytes } = this.#limits;
    if (isBroken || age >= segmentAgeMs || sizeBytes >= segmentBytes) return this.#endSegment();
    this.#schedule(this.#isSynced ? segmentAgeMs - age : syncEveryMs - Math.min(sinceSync, syncEveryMs - 1));
  }

  async #write(): Promise<void> {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    const bytes = this.#heldBytes;
    this.#lines = [];
    try {
      await this.#writeOut(lines);
      this.#heldBytes -= bytes;
      if (this.#retryMs > 0) this.#events.problem(undefined);
      this.#retryMs = 0;
    } catch (error) {
      this.#lines = lines.concat(this.#lines);
      this.#failed(error);
    }
  }

  async #writeOut(lines: readonly string[]): Promise<void> {
    const body = lines.join('');
    if (this.#segment !== undefined) return this.#append(this.#segment, body);
    const segment = await Segment.begin(this.#folder, 'predictions', groupOf(this.#layout));
    this.#segment = segment;
    await this.#append(segment, headerLine(this.#layout) + body);
  }

  async #append(segment: Segment, text: string): Promise<void> {
    try {
      await segment.write(Buffer.from(text));
      if (this.#isSynced) this.#syncedAt = Date.now();
      this.#isSynced = false;
    } catch (error) {
      // An empty one has no header either.
      if (segment.isBroken || segment.sizeBytes === 0) await this.#endSegment();
      throw error;
    }
  }

  async #sync(segment: Segment): Promise<void> {
    try {
      await segment.sync();
      this.#isSynced = true;
      this.#syncedAt = Date.now();
    } catch (error) {
      // What a failed flush leaves on the disk is unknown: go on in a file of its own.
      await this.#endSegment();
      this.#failed(error);
    }
  }

  async #endSegment(): Promise<void> {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    this.#isSynced = true;
    await segment.sync().catch(() => undefined);
    await segment.close().catch(() => undefined);
    this.#events.closed(segment.stem);
  }

  #failed(error: unknown): void {
    if (this.#retryMs === 0) this.#events.problem(withoutLink((error as Error).message));
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2 || syncEveryMs);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule(this.#retryMs);
  }
}
