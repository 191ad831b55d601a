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
  /** A write is coming; else the timer waits for a flush, or for the segment to be old. */
  #isDue = false;
  #turn: Promise<unknown> = Promise.resolve();
  /** Flushes, and segments that are being closed. */
  readonly #background = new Set<Promise<unknown>>();

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
    if (!this.#isDue) this.#wakeIn(writeEveryMs);
    this.#isDue = true;
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
    await this.#inTurn(async () => this.#endSegment());
    await Promise.all(this.#background);
    clearTimeout(this.#timer);
    return this.#lines.length;
  }

  #wakeIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#inTurn(() => this.#work()), ms).unref();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #work(): Promise<void> {
    this.#isDue = false;
    await this.#write();
    if (this.#segment === undefined) return;
    const sinceSync = Date.now() - this.#syncedAt;
    if (!this.#isSynced && sinceSync >= syncEveryMs) this.#sync(this.#segment);
    const { beganAt, sizeBytes, isBroken } = this.#segment;
    const age = Date.now() - beganAt;
    const { segmentAgeMs, segmentBytes } = this.#limits;
    if (isBroken || age >= segmentAgeMs || sizeBytes >= segmentBytes) return this.#endSegment();
    if (!this.#isDue) this.#wakeIn(this.#isSynced ? segmentAgeMs - age : Math.max(1, syncEveryMs - sinceSync));
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
    if (this.#segment?.isBroken) this.#endSegment();
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
      if (segment.isBroken || segment.sizeBytes === 0) this.#endSegment();
      throw error;
    }
  }

  /** Beside the writes: a slow flush must not hold up what a kill would take. */
  #sync(segment: Segment): void {
    this.#isSynced = true;
    this.#syncedAt = Date.now();
    const flushing = segment.sync().catch((error: unknown) => {
      // What a failed flush leaves on the disk is unknown: go on in a file of its own.
      if (this.#segment === segment) this.#endSegment();
      this.#failed(error);
    });
    this.#inBackground(flushing);
  }

  #endSegment(): void {
    const segment = this.#segment;
    if (segment === undefined) return;
    this.#segment = undefined;
    this.#isSynced = true;
    const ending = Promise.all([...this.#background, segment.sync().catch(() => undefined)])
      .then(() => segment.close())
      .catch(() => undefined)
      .then(() => this.#events.closed(segment.stem));
    this.#inBackground(ending);
  }

  #inBackground(work: Promise<unknown>): void {
    this.#background.add(work);
    void work.finally(() => this.#background.delete(work));
  }

  #failed(error: unknown): void {
    if (this.#retryMs === 0) this.#events.problem(withoutLink((error as Error).message));
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2 || syncEveryMs);
    this.#isDue = true;
    this.#wakeIn(this.#retryMs);
  }
}
