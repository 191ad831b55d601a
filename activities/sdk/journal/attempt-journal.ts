import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';
import type { AttemptClose, AttemptRecord, AttemptRecords } from './attempt-records.js';
import { attemptPrefix } from './keys.js';
import { defaultCapBytes, LogCap } from './log-cap.js';
import { LineBuffer } from './line-buffer.js';
import { masked } from '../secrets.js';

/**
 * What one attempt of a step leaves behind: a stream of log lines, metrics and progress, and at its end one immutable
 * record. Lines are buffered and appended every 200 ms or 64 KiB, so a training loop that reports often costs little.
 *
 * A journal that cannot be written never throws in the middle of the user's work: lines stay in the buffer and each
 * flush tries again (beyond 8 MiB the oldest are dropped, and a line says how many). What remains unwritten surfaces as
 * SYSTEM_STORE_UNAVAILABLE from `flush` and `close`, and the caller decides whether the attempt fails by it; it is written
 * later all the same, the record too. `close` may be called again.
 */
export interface AttemptJournal {
  /** False where the log has reached its cap, and the line is left out. */
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): boolean;
  /** NaN and infinities are refused: USER_OUTPUT_INVALID. */
  metric(name: string, value: number, at?: number): void;
  progress(fraction: number, message?: string): void;
  flush(): Promise<void>;
  /** For a writer that can wait while much is unwritten; undefined where it need not. Never rejects. */
  room(): Promise<void> | undefined;
  /**
   * Writes the rest, then the record. Of an attempt that completed and reported nothing, which history tells as well, the
   * record follows with the worker's next batch, and there is nothing to wait for; all others have it written when this
   * returns.
   */
  close(end: AttemptClose): Promise<void> | undefined;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface AttemptOf {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  readonly attempt: number;
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

/** A line of a job that was cut at 64 KiB, with the note that says so. */
const longestMessage = (64 << 10) + 100;

/** `capBytes` is for the log, and once more for metrics and progress. */
export function openAttemptJournal(
  journal: Journal,
  records: AttemptRecords,
  of: AttemptOf,
  capBytes = defaultCapBytes,
): AttemptJournal {
  return new BufferedJournal(journal, records, of, capBytes);
}

class BufferedJournal implements AttemptJournal {
  private readonly openedAt = Date.now();
  private readonly metricsLast: Record<string, number> = {};
  /** Made by the first line: most short steps write none. */
  private lines: LineBuffer | undefined;
  private isClosed = false;
  private readonly logCap: LogCap;
  private readonly reportCap: LogCap;

  constructor(
    private readonly journal: Journal,
    private readonly records: AttemptRecords,
    private readonly of: AttemptOf,
    capBytes: number,
  ) {
    this.logCap = new LogCap(capBytes, 'log');
    this.reportCap = new LogCap(capBytes, 'metrics and progress');
  }

  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): boolean {
    const more = fields === undefined || Object.keys(fields).length === 0 ? {} : { fields };
    return this.add({ t: Date.now(), kind: 'log', level, message: shorten(message), ...more }, this.logCap);
  }

  metric(name: string, value: number, at?: number): void {
    checkNumber(`metric "${name}"`, value);
    this.metricsLast[name] = value;
    this.add({ t: Date.now(), kind: 'metric', name, value, ...(at === undefined ? {} : { at }) }, this.reportCap);
  }

  progress(fraction: number, message?: string): void {
    checkNumber('progress', fraction);
    const words = message === undefined ? {} : { message: shorten(message) };
    this.add({ t: Date.now(), kind: 'progress', fraction, ...words }, this.reportCap);
  }

  async flush(): Promise<void> {
    await this.lines?.flush();
  }

  room(): Promise<void> | undefined {
    return this.lines?.room();
  }

  close(end: AttemptClose): Promise<void> | undefined {
    const { startedAt = this.openedAt, endedAt = Date.now(), worker = 'unknown' } = end;
    const { stepId, attempt } = this.of;
    const durationMs = endedAt - startedAt;
    if (!this.isClosed) for (const cap of [this.logCap, this.reportCap]) this.tellLeft(cap);
    const { metricsLast } = this;
    const record: AttemptRecord = { ...end, stepId, attempt, worker, startedAt, endedAt, durationMs, metricsLast };
    if (this.lines !== undefined || end.outcome !== 'completed') return this.closeNow(record);
    this.addRecord(record);
    return undefined;
  }

  private async closeNow(record: AttemptRecord): Promise<void> {
    try {
      await this.lines?.flush();
    } finally {
      this.addRecord(record);
    }
    await this.records.flush(this.of);
  }

  private addRecord(record: AttemptRecord): void {
    if (!this.isClosed) this.records.add(this.of, record);
    this.isClosed = true;
  }

  private tellLeft({ summary, last }: LogCap): void {
    if (summary === undefined) return;
    for (const line of last) this.write(line);
    this.write(asText(warning(summary)));
  }

  private add(line: AttemptLine, cap: LogCap): boolean {
    const text = asText(line);
    const verdict = cap.take(text);
    if (verdict === 'kept') this.write(text);
    if (verdict === 'last') this.write(asText(warning(cap.reached)));
    return verdict === 'kept';
  }

  private write(text: string): void {
    const { workflowId, runId, stepId, attempt } = this.of;
    const append = (batch: readonly string[]) =>
      this.journal.append(attemptPrefix(workflowId, runId, stepId, attempt), batch);
    this.lines ??= new LineBuffer(append, { flushAfterMs: 200 });
    this.lines.add(text);
  }
}

function warning(message: string): AttemptLine {
  return { t: Date.now(), kind: 'log', level: 'warn', message };
}

/** A log call never throws for what it was given to log. */
function asText(line: AttemptLine): string {
  try {
    return masked(JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)));
  } catch (error) {
    return JSON.stringify({ ...line, fields: { unprintable: error instanceof Error ? error.message : String(error) } });
  }
}

function shorten(message: string): string {
  const said = String(message);
  if (said.length <= longestMessage) return said;
  // Before it is cut, which could leave a part of a secret.
  const text = masked(said);
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
