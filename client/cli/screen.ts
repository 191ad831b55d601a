import { stripVTControlCharacters } from 'node:util';

export type ScreenStream = NodeJS.WritableStream & { readonly columns?: number; readonly rows?: number };

/** A line that is too long ends at the edge, however wide its characters are; and back. */
const cutLines = '\x1b[?7l';
const wrapLines = '\x1b[?7h';
const clearBelow = '\x1b[J';

/** A block of lines at the end of a terminal that each frame replaces; what stands above it stays. */
export class Screen {
  #shown: readonly string[] = [];
  #columns = 0;

  constructor(private readonly stream: ScreenStream) {}

  get columns(): number {
    return this.stream.columns ?? 80;
  }

  /** Lines that a frame may have: what has scrolled away cannot be replaced. */
  get rows(): number {
    return Math.max(5, (this.stream.rows ?? 24) - 1);
  }

  draw(lines: readonly string[]): void {
    const isSame = lines.length === this.#shown.length && lines.every((line, n) => line === this.#shown[n]);
    if (isSame && this.columns === this.#columns) return;
    const up = this.#height();
    const back = up > 0 ? `\x1b[${up}F${clearBelow}` : '';
    this.stream.write(`${cutLines}${back}${lines.map((line) => `${line}\n`).join('')}${wrapLines}`);
    this.#shown = lines;
    this.#columns = this.columns;
  }

  /** Rows that the last frame takes now: a terminal that was made narrower has wrapped its lines. */
  #height(): number {
    if (this.columns >= this.#columns) return this.#shown.length;
    const rowsOf = (line: string) => Math.max(1, Math.ceil(stripVTControlCharacters(line).length / this.columns));
    return this.#shown.reduce((rows, line) => rows + rowsOf(line), 0);
  }
}
