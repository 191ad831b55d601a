import { randomUUID } from 'node:crypto';
import { EvertrainError } from '../../../workflows/sdk/errors.js';
import type { Journal } from '../ports.js';

/**
 * A log that a step's attempts share and that an older attempt cannot write once a newer one has begun, although both may
 * run at the same time (engine away, paused process). It needs nothing but conditional create.
 *
 * Entries are documents `<prefix>/00000001`, `…2` and so on without a gap, because a writer only ever creates the number
 * after one it knows to be taken. A new attempt's first act is an entry of its own. An older one that wants to write must
 * get past that number, reads it, and learns that it is over (SYSTEM_FENCED). So attempts never decrease along the log,
 * and its last entry tells which attempt counts.
 */
export interface FencedLog {
  readonly attempt: number;
  /**
   * Appends an entry. `build` is called again with whatever another delivery of this attempt (or an older one, before
   * the fence) put there first. Returns once the entry is durable; SYSTEM_FENCED when a newer attempt has begun.
   */
  append<B extends LogBody>(entry: B | ((passed: readonly LogEntry[]) => B)): Promise<B & LogEntry>;
  /** All entries, oldest first. */
  entries(): Promise<LogEntry[]>;
  /** Entries from the newest backwards. */
  backwards(): AsyncIterable<LogEntry>;
}

export type LogBody = { readonly kind: string } & Readonly<Record<string, unknown>>;

export type LogEntry = LogBody & {
  readonly attempt: number;
  /** Epoch milliseconds, by the writer's clock; for people and garbage collection only. */
  readonly at: number;
  /** Tells an entry of ours, whose success was never reported to us, from another's. */
  readonly id: string;
};

/**
 * Opens the log for an attempt and fences the older ones. SYSTEM_FENCED when a newer attempt has opened it already; the
 * same attempt may open it again (an activity task can be delivered twice).
 */
export async function openFencedLog(journal: Journal, prefix: string, attempt: number): Promise<FencedLog> {
  const log = new JournalLog(journal, prefix, attempt);
  await log.append({ kind: 'attempt' });
  return log;
}

class JournalLog implements FencedLog {
  readonly attempt: number;
  readonly #journal: Journal;
  readonly #prefix: string;
  /** The first number that may be free. */
  #next: number | undefined;

  constructor(journal: Journal, prefix: string, attempt: number) {
    this.#journal = journal;
    this.#prefix = prefix;
    this.attempt = attempt;
  }

  async append<B extends LogBody>(entry: B | ((passed: readonly LogEntry[]) => B)): Promise<B & LogEntry> {
    this.#next ??= await this.#openEnd();
    const passed: LogEntry[] = [];
    const id = randomUUID();
    for (let sequence = this.#next; ; sequence++) {
      const body = typeof entry === 'function' ? entry(passed) : entry;
      const full = { ...body, attempt: this.attempt, at: Date.now(), id };
      const created = await this.#journal.create(entryKey(this.#prefix, sequence), JSON.stringify(full));
      const found = created ? full : await this.#read(sequence);
      // Before the number is left behind: an attempt that is over must meet the fence again if it tries again.
      this.#mustNotBeNewer(found);
      this.#next = Math.max(this.#next, sequence + 1);
      if (found.id === id) return full;
      passed.push(found);
    }
  }

  async entries(): Promise<LogEntry[]> {
    const all: LogEntry[] = [];
    for await (const entry of this.backwards()) all.push(entry);
    return all.reverse();
  }

  async *backwards(): AsyncGenerator<LogEntry> {
    const last = await lastListed(this.#journal, this.#prefix);
    for (let sequence = last; sequence > 0; sequence--) yield await this.#read(sequence);
  }

  async #openEnd(): Promise<number> {
    const last = await lastListed(this.#journal, this.#prefix);
    if (last > 0) this.#mustNotBeNewer(await this.#read(last));
    return last + 1;
  }

  async #read(sequence: number): Promise<LogEntry> {
    const key = entryKey(this.#prefix, sequence);
    const entry = parseLogEntry(await this.#journal.get(key));
    if (entry !== undefined) return entry;
    throw new EvertrainError('SYSTEM_ARTIFACT_DAMAGED', `The journal entry ${key} is missing or not readable.`, {
      value: key,
      remedy: 'Restore the journal from a backup, or start the run again.',
    });
  }

  #mustNotBeNewer(entry: LogEntry): void {
    if (entry.attempt <= this.attempt) return;
    throw new EvertrainError(
      'SYSTEM_FENCED',
      `Attempt ${this.attempt} is over: attempt ${entry.attempt} of the same step has begun.`,
      { value: { attempt: this.attempt, newer: entry.attempt }, remedy: 'Stop; the newer attempt does the work.' },
    );
  }
}

/**
 * The entries of a log that belongs to somebody else, from the newest backwards; undefined stands for one that is missing
 * or not readable. Nothing is opened, fenced or written, so whoever writes the log goes on undisturbed.
 */
export async function* readLogBackwards(journal: Journal, prefix: string): AsyncGenerator<LogEntry | undefined> {
  for (let sequence = await lastListed(journal, prefix); sequence > 0; sequence--) {
    yield parseLogEntry(await journal.get(entryKey(prefix, sequence)));
  }
}

async function lastListed(journal: Journal, prefix: string): Promise<number> {
  const keys = await journal.list(prefix);
  return keys.reduce((last, key) => Math.max(last, Number(/\/(\d{8})$/.exec(key)?.[1] ?? 0)), 0);
}

function entryKey(prefix: string, sequence: number): string {
  return `${prefix}/${String(sequence).padStart(8, '0')}`;
}

/** An entry as it was written, undefined when the text is not one. */
export function parseLogEntry(text: string | undefined): LogEntry | undefined {
  try {
    const { kind, attempt, at, id } = JSON.parse(text ?? '') as Partial<LogEntry>;
    const sound =
      typeof kind === 'string' && typeof id === 'string' && Number.isInteger(attempt) && Number.isFinite(at);
    return sound ? (JSON.parse(text ?? '') as LogEntry) : undefined;
  } catch {
    return undefined;
  }
}
