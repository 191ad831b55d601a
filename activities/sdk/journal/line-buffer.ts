import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';

const flushAtBytes = 64 << 10;
const mostBufferedBytes = 8 << 20;

/**
 * Lines on their way to a stream: appended `flushAfterMs` after the first, or from 64 KiB on, in order and by one append at a
 * time. What cannot be written stays here and is tried again; beyond 8 MiB the oldest lines are dropped, and
 * the line that takes their place says how many.
 */
export class LineBuffer {
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
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
    this.#bytes += text.length;
    while (this.#bytes > mostBufferedBytes && this.#lines.length > 1) {
      this.#bytes -= this.#lines.shift()?.length ?? 0;
      this.#dropped++;
    }
    if (this.#bytes >= flushAtBytes) this.#flushSoon(0);
    else this.#flushSoon(this.#flushAfterMs);
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const mine = this.#writing.then(() => this.#write());
    this.#writing = mine.catch(() => undefined);
    return mine;
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
    this.#bytes = 0;
    this.#dropped = 0;
    try {
      await unavailable(() => this.#append(dropped === 0 ? lines : [droppedLine(dropped), ...lines]));
    } catch (error) {
      this.#lines = [...lines, ...this.#lines];
      this.#bytes += bytes;
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
