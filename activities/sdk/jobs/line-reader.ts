import { masked } from '../secrets.js';

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits a byte stream into lines of bounded length, in constant memory. A longer line is cut with a note and the rest
 * of it dropped, but not before a secret that the cut would part is seen whole and hidden. What a carriage return
 * overwrites on a terminal (progress bars) is left out.
 */
export class LineReader {
  private parts: Buffer[] = [];
  private size = 0;
  /** Inside the dropped rest of a line. */
  private skips = false;

  constructor(private readonly mostBytes = 64 * 1024) {}

  *push(chunk: Buffer): Iterable<string> {
    let from = 0;
    while (from < chunk.length) {
      const at = chunk.indexOf(newline, from);
      const part = chunk.subarray(from, at === -1 ? chunk.length : at);
      from += part.length + (at === -1 ? 0 : 1);
      if (!this.skips) yield* this.add(part);
      if (at === -1) return;
      if (!this.skips) yield this.take();
      this.skips = false;
    }
  }

  /** The last line, when it has no line end. */
  end(): string | undefined {
    return this.size === 0 ? undefined : this.take();
  }

  private *add(part: Buffer): Iterable<string> {
    this.parts.push(part);
    this.size += part.length;
    if (this.size <= 2 * this.mostBytes) return;
    const visible = afterCarriageReturn(Buffer.concat(this.parts));
    this.parts = [visible];
    this.size = visible.length;
    if (this.size <= 2 * this.mostBytes) return;
    this.skips = true;
    yield this.take();
  }

  private take(): string {
    const line = afterCarriageReturn(Buffer.concat(this.parts));
    this.parts = [];
    this.size = 0;
    const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    const text = line.toString('utf8', 0, end);
    if (end <= this.mostBytes) return text;
    return `${masked(text).slice(0, this.mostBytes)} … (cut: the line is longer than ${this.mostBytes} bytes)`;
  }
}

function afterCarriageReturn(line: Buffer): Buffer {
  const at = line.length < 2 ? -1 : line.lastIndexOf(carriageReturn, line.length - 2);
  return at === -1 ? line : Buffer.from(line.subarray(at + 1));
}
