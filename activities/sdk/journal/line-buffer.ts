import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';

const flushAtBytes = 64 << 10;
const mostBufferedBytes = 8 << 20;
/** Of all buffers of the process together, what is being written included. */
const mostInAllBytes = 64 << 20;
/** A writer that can wait does so while more than this is unwritten. */
const backlogBytes = 1 << 20;

const all = { bytes: 0, buffers: 0 };

/**
 * Lines on their way to a stream: appended `flushAfterMs` after the first, or from 64 KiB on, in order and by one append at a
 * time. What cannot be written stays here and is tried again; beyond 8 MiB, or its share of the 64 MiB that all buffers of
 * the process may hold, the oldest lines are dropped, and the line that takes their place says how many.
 */
export class LineBuffer {
  #lines: string[] = [];
  #bytes = 0;
  #writingBytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** A flush that has not begun to write: it will take what is added meanwhile, too. */
  #next: Promise<void> | undefined;
  readonly #append: (lines: readonly string[]) => Promise<void>;
  readonly #flushAfterMs: number;

  constructor(
    append: (lines: readonly string[]) => Promise<void>,
    { flushAfterMs }: { readonly flushAfterMs: number },
  ) {
    this.#append = append;
    this.#flushAfterMs = flushAfterMs;
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0;
  }

  /** `text` is one line of JSON. */
  add(text: string): void {
    this.#lines.push(text);
    this.#hold(this.#bytes + text.length, this.#writingBytes);
    while (this.#isFull() && this.#lines.length > 1) {
      this.#hold(this.#bytes - (this.#lines.shift()?.length ?? 0), this.#writingBytes);
      this.#dropped++;
    }
    if (this.#bytes >= flushAtBytes) this.#flushSoon(0);
    else this.#flushSoon(this.#flushAfterMs);
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#next !== undefined) return this.#next;
    const mine = this.#writing.then(() => {
      this.#next = undefined;
      return this.#write();
    });
    this.#next = mine;
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  /** For a writer that can wait: until what is being written is, or could not be; undefined where it need not. */
  room(): Promise<void> | undefined {
    return this.#bytes + this.#writingBytes < backlogBytes ? undefined : this.flush().catch(() => undefined);
  }

  #isFull(): boolean {
    if (this.#bytes > mostBufferedBytes) return true;
    return all.bytes > mostInAllBytes && this.#bytes > mostInAllBytes / all.buffers;
  }

  #hold(bytes: number, writingBytes: number): void {
    const before = this.#bytes + this.#writingBytes;
    const now = bytes + writingBytes;
    this.#bytes = bytes;
    this.#writingBytes = writingBytes;
    all.bytes += now - before;
    all.buffers += Number(now > 0) - Number(before > 0);
  }

  /** The timer keeps no process alive. */
  #flushSoon(afterMs: number): void {
    if (this.#timer !== undefined) {
      if (afterMs > 0) return;
      clearTimeout(this.#timer);
    }
    this.#timer = setTimeout(() => {
      this.flush().catch(() => undefined);
    }, afterMs);
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    const lines = this.#lines;
    const bytes = this.#bytes;
    const dropped = this.#dropped;
    if (lines.length === 0) return;
    this.#lines = [];
    this.#hold(0, bytes);
    this.#dropped = 0;
    try {
      await unavailable(() => this.#append(dropped === 0 ? lines : [droppedLine(dropped), ...lines]));
      this.#hold(this.#bytes, 0);
    } catch (error) {
      this.#lines = [...lines, ...this.#lines];
      this.#hold(this.#bytes + bytes, 0);
      this.#dropped += dropped;
      this.#flushSoon(this.#flushAfterMs);
      throw error;
    }
  }
}

function droppedLine(count: number): string {
  const message = `${count} earlier lines were dropped while the journal could not be written.`;
  return JSON.stringify({ t: Date.now(), kind: 'log', level: 'warn', message });
}

async function unavailable(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isEvertrainError(error)) throw error;
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `The journal could not be written: ${String(error)}.`, {
      remedy: 'Check the journal; the lines are kept and tried again.',
      cause: error,
    });
  }
}
