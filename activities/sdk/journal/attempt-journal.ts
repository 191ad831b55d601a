import { EvertrainError, isEvertrainError } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';
import { attemptPrefix } from './keys.js';

/**
 * What one attempt of a step leaves behind: a stream of log lines, metrics and progress, and at its end one immutable
 * record. Lines are buffered and appended every 200 ms or 64 KiB, so a training loop that reports often costs little.
 *
 * A journal that cannot be written never throws in the middle of the user's work: lines stay in the buffer and each
 * flush tries again (beyond 8 MiB the oldest are dropped, and a line says how many). What remains unwritten surfaces as
 * SYSTEM_STORE_UNAVAILABLE from `flush` and `close`, and the caller decides whether the attempt fails by it. `close` may
 * be called again.
 */
export interface AttemptJournal {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** NaN and infinities are refused: USER_OUTPUT_INVALID. */
  metric(name: string, value: number, at?: number): void;
  progress(fraction: number, message?: string): void;
  flush(): Promise<void>;
  /** Writes the rest, then the record, unless a delivery of the same attempt has left one before. */
  close(end: AttemptClose): Promise<void>;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface AttemptOf {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
}

export interface AttemptClose {
  readonly outcome: 'completed' | 'failed' | 'cancelled';
  readonly code?: string;
  readonly message?: string;
  /** Identity of the worker process. */
  readonly worker?: string;
  /** The output came from the step cache. */
  readonly cached?: boolean;
  /** Epoch ms; by default when the journal was opened and is closed. */
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** The document that closes an attempt. Times are epoch ms. */
export interface AttemptRecord extends AttemptClose {
  readonly stepId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly durationMs: number;
  /** The last value of each metric. */
  readonly metricsLast: Readonly<Record<string, number>>;
}

/** A line of the stream; `t` is epoch ms. */
export type AttemptLine =
  | {
      readonly t: number;
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields?: Readonly<Record<string, unknown>>;
    }
  | {
      readonly t: number;
      readonly kind: 'metric';
      readonly name: string;
      readonly value: number;
      readonly at?: number;
    }
  | { readonly t: number; readonly kind: 'progress'; readonly fraction: number; readonly message?: string };

const flushAfterMs = 200;
const flushAtBytes = 64 << 10;
const mostBufferedBytes = 8 << 20;
const longestMessage = 64 << 10;

export function openAttemptJournal(journal: Journal, of: AttemptOf): AttemptJournal {
  const key = attemptPrefix(of.workflowId, of.runId, of.stepId, of.attempt);
  const openedAt = Date.now();
  const metricsLast: Record<string, number> = {};
  const lines = new LineBuffer((batch) => journal.append(key, batch));
  return {
    log(level, message, fields) {
      const more = fields === undefined || Object.keys(fields).length === 0 ? {} : { fields };
      lines.add({ t: Date.now(), kind: 'log', level, message: shorten(message), ...more });
    },
    metric(name, value, at) {
      checkNumber(`metric "${name}"`, value);
      metricsLast[name] = value;
      lines.add({ t: Date.now(), kind: 'metric', name, value, ...(at === undefined ? {} : { at }) });
    },
    progress(fraction, message) {
      checkNumber('progress', fraction);
      const words = message === undefined ? {} : { message: shorten(message) };
      lines.add({ t: Date.now(), kind: 'progress', fraction, ...words });
    },
    flush: () => lines.flush(),
    async close(end) {
      const { startedAt = openedAt, endedAt = Date.now(), worker = 'unknown' } = end;
      const { stepId, attempt } = of;
      const durationMs = endedAt - startedAt;
      const record: AttemptRecord = { ...end, stepId, attempt, worker, startedAt, endedAt, durationMs, metricsLast };
      await lines.flush();
      await unavailable(() => journal.create(key, JSON.stringify(record)));
    },
  };
}

/** Lines on their way to the stream, appended in order and by one append at a time. */
class LineBuffer {
  #lines: string[] = [];
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #append: (lines: readonly string[]) => Promise<void>;

  constructor(append: (lines: readonly string[]) => Promise<void>) {
    this.#append = append;
  }

  add(line: AttemptLine): void {
    const text = asText(line);
    this.#lines.push(text);
    this.#bytes += text.length;
    while (this.#bytes > mostBufferedBytes && this.#lines.length > 1) {
      this.#bytes -= this.#lines.shift()?.length ?? 0;
      this.#dropped++;
    }
    if (this.#bytes >= flushAtBytes) this.#flushSoon(0);
    else this.#flushSoon(flushAfterMs);
  }

  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const mine = this.#writing.then(() => this.#write());
    this.#writing = mine.catch(() => undefined);
    return mine;
  }

  /** The timer keeps no process alive; a failed flush is tried again with the next one. */
  #flushSoon(afterMs: number): void {
    if (this.#timer !== undefined) {
      if (afterMs > 0) return;
      clearTimeout(this.#timer);
    }
    this.#timer = setTimeout(() => {
      this.flush().catch(() => this.#flushSoon(flushAfterMs));
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
      throw error;
    }
  }
}

function droppedLine(count: number): string {
  const message = `${count} earlier lines were dropped while the journal could not be written.`;
  return asText({ t: Date.now(), kind: 'log', level: 'warn', message });
}

/** A log call never throws for what it was given to log. */
function asText(line: AttemptLine): string {
  try {
    return JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  } catch (error) {
    return JSON.stringify({ ...line, fields: { unprintable: error instanceof Error ? error.message : String(error) } });
  }
}

function shorten(message: string): string {
  const text = String(message);
  if (text.length <= longestMessage) return text;
  return `${text.slice(0, longestMessage)}… (${text.length - longestMessage} more characters)`;
}

function checkNumber(what: string, value: number): void {
  if (Number.isFinite(value)) return;
  throw new EvertrainError('USER_OUTPUT_INVALID', `${what} is ${String(value)}.`, {
    value: String(value),
    remedy: 'Report finite numbers only.',
  });
}

async function unavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isEvertrainError(error)) throw error;
    throw new EvertrainError('SYSTEM_STORE_UNAVAILABLE', `The journal could not be written: ${String(error)}.`, {
      remedy: 'Check the journal; the lines are kept and tried again.',
      cause: error,
    });
  }
}
