const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Splits a byte stream into lines of bounded length, in constant memory. A longer line is cut with a note and the rest
 * of it dropped. What a carriage return overwrites on a terminal (progress bars) is left out.
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
    if (this.size <= this.mostBytes) return;
    const visible = afterCarriageReturn(Buffer.concat(this.parts));
    this.parts = [visible];
    this.size = visible.length;
    if (this.size <= this.mostBytes) return;
    this.parts = [visible.subarray(0, this.mostBytes)];
    this.skips = true;
    yield `${this.take()} … (cut: the line is longer than ${this.mostBytes} bytes)`;
  }

  private take(): string {
    const line = afterCarriageReturn(Buffer.concat(this.parts));
    this.parts = [];
    this.size = 0;
    const end = line.at(-1) === carriageReturn ? line.length - 1 : line.length;
    return line.toString('utf8', 0, end);
  }
}

function afterCarriageReturn(line: Buffer): Buffer {
  const at = line.length < 2 ? -1 : line.lastIndexOf(carriageReturn, line.length - 2);
  return at === -1 ? line : Buffer.from(line.subarray(at + 1));
}
