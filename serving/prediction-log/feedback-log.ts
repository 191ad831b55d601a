import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { onDisk } from '../../activities/sdk/durable-files.js';
import type { LabelValue, RowLabel } from '../../workflows/sdk/model/labels.js';
import { Recent } from './recent.js';
import { listSegments, Segment } from './segment.js';

/** Labels whose repetition is known as such, about. */
const remembered = 100_000;
const segmentBytes = 16 << 20;
const segmentAgeMs = 24 * 3_600_000;

interface KnownLabel {
  readonly label: LabelValue;
  readonly at: number;
  readonly durable?: Promise<void>;
}

interface Group {
  readonly lines: string[];
  readonly durable: Promise<void>;
  readonly settle: (error?: unknown) => void;
}

/**
 * The labels of a model, on the disk before they are acknowledged. Messages that come while one is being flushed share
 * the next flush. All labels are kept; of those for the same row, the newest counts.
 */
export class FeedbackLog {
  readonly #folder: string;
  readonly #known = new Recent<KnownLabel>(remembered / 2);
  #restored: Promise<void> | undefined;
  #segment: Segment | undefined;
  #waiting: Group | undefined;
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #seq = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get openStem(): string | undefined {
    return this.#segment?.stem;
  }

  /** Ends when all of them are on the disk; SYSTEM_STORE_UNAVAILABLE when they cannot be, and then they may be sent again. */
  async add(labels: readonly RowLabel[]): Promise<{ accepted: number; duplicates: number }> {
    await (this.#restored ??= this.#restore());
    const waits = new Set<Promise<void>>();
    const before: [string, KnownLabel | undefined][] = [];
    let duplicates = 0;
    for (const { id, row, label, at: given } of labels) {
      const at = given ?? Date.now();
      const key = `${row}/${id}`;
      const known = this.#known.get(key);
      if (known?.label === label && (given === undefined || given <= known.at)) {
        duplicates++;
        // Whoever sent it first may still wait for the disk.
        if (known.durable) waits.add(known.durable);
        continue;
      }
      const group = this.#join();
      group.lines.push(`${JSON.stringify({ id, row, label, at, seq: this.#nextSeq() })}\n`);
      waits.add(group.durable);
      if (known !== undefined && known.at > at) continue;
      before.push([key, known]);
      this.#known.set(key, { label, at, durable: group.durable });
    }
    try {
      await Promise.all(waits);
    } catch (error) {
      for (const [key, known] of before.reverse()) this.#known.restore(key, known);
      throw error;
    }
    return { accepted: labels.length - duplicates, duplicates };
  }

  async close(): Promise<void> {
    await this.#restored;
    await this.#writing;
    await this.#segment?.close();
    this.#segment = undefined;
  }

  /** Grows with every label, also from one start of the server to the next. */
  #nextSeq(): number {
    this.#seq = Math.max(this.#seq + 1, Date.now() * 1_000);
    return this.#seq;
  }

  #join(): Group {
    if (this.#waiting !== undefined) return this.#waiting;
    let settle: Group['settle'] = () => undefined;
    const durable = new Promise<void>((resolve, reject) => {
      settle = (error) => (error === undefined ? resolve() : reject(error as Error));
    });
    durable.catch(() => undefined);
    this.#waiting = { lines: [], durable, settle };
    if (!this.#isWriting) this.#writing = this.#writeAll();
    return this.#waiting;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    // The group that called this is still being filled.
    await Promise.resolve();
    for (let group = this.#waiting; group !== undefined; group = this.#waiting) {
      this.#waiting = undefined;
      await onDisk('write labels into', this.#folder, () => this.#write(group)).then(
        () => group.settle(),
        (error: unknown) => group.settle(error),
      );
    }
    this.#isWriting = false;
  }

  async #write({ lines }: Group): Promise<void> {
    const isFull = this.#segment && (this.#segment.sizeBytes >= segmentBytes || this.#age() >= segmentAgeMs);
    if (isFull || this.#segment?.isBroken) await this.#end();
    this.#segment ??= await Segment.begin(this.#folder, 'labels', '0');
    try {
      await this.#segment.write(Buffer.from(lines.join('')));
      await this.#segment.sync();
      // Somebody deleted the folder: the labels have gone with it.
      if (this.#segment.isBroken)
        throw Object.assign(new Error('the file was deleted'), { code: 'ENOENT', syscall: 'write' });
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  #age(): number {
    return Date.now() - (this.#segment?.beganAt ?? 0);
  }

  async #end(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    await segment?.close().catch(() => undefined);
  }

  /** What is unreadable is unknown, and a repetition of it is kept twice, which changes nothing. */
  async #restore(): Promise<void> {
    const labels = (await listSegments(this.#folder).catch(() => [])).filter(({ kind }) => kind === 'labels');
    const texts: string[] = [];
    let lines = 0;
    for (const { path } of labels.reverse()) {
      const text = await readFile(path, 'utf8').catch(() => '');
      texts.unshift(text);
      lines += text.split('\n').length;
      if (lines > remembered) break;
    }
    for (const [i, line] of texts.join('').split('\n').entries()) {
      // In portions: answers go on meanwhile.
      if (i % 2_000 === 0) await setImmediate();
      this.#remember(line);
    }
  }

  #remember(line: string): void {
    try {
      const { id, row, label, at, seq } = JSON.parse(line) as RowLabel & { at: number; seq: number };
      this.#seq = Math.max(this.#seq, seq);
      const key = `${row}/${id}`;
      if ((this.#known.get(key)?.at ?? 0) <= at) this.#known.set(key, { label, at });
    } catch {
      // A line that a crash has torn.
    }
  }
}
