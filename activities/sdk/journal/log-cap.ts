import { EvertrainError } from '../../../workflows/sdk/errors.js';

/** Where the cap is set, for a whole worker. */
const variable = 'EVERTRAIN_LOG_CAP';
export const defaultCapBytes = 128 << 20;
const units = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
/** Of what was left out: how a program ended is what people look for. */
const lastKept = 20;
const longestKept = 2_000;

/** Bytes that the log of an attempt may have: EVERTRAIN_LOG_CAP, such as `512Mi`; else 128 MiB. USER_OPTION_INVALID. */
export function logCapBytes(): number {
  const text = process.env[variable];
  if (text === undefined || text === '') return defaultCapBytes;
  const [, count, unit] = /^(\d+)(Ki|Mi|Gi)$/.exec(text) ?? [];
  if (Number(count) > 0) return Number(count) * units[unit as keyof typeof units];
  throw new EvertrainError('USER_OPTION_INVALID', `${variable} is ${text}.`, {
    value: text,
    remedy: 'Use text such as 512Mi or 2Gi.',
  });
}

/** Bounds what an attempt writes of a kind, and counts what it leaves out. */
export class LogCap {
  readonly last: string[] = [];
  private bytes = 0;
  private leftLines = 0;
  private leftBytes = 0;

  constructor(
    private readonly mostBytes: number,
    private readonly what: string,
  ) {}

  /** `last`: this one has no room any more, nor have those after it. */
  take(line: string): 'kept' | 'last' | 'left' {
    if (this.leftLines === 0 && this.bytes + line.length <= this.mostBytes) {
      this.bytes += line.length;
      return 'kept';
    }
    this.leftLines++;
    this.leftBytes += line.length;
    if (line.length <= longestKept) this.last.push(line);
    if (this.last.length > lastKept) this.last.shift();
    return this.leftLines === 1 ? 'last' : 'left';
  }

  get reached(): string {
    return `The ${this.what} of this attempt has reached its cap of ${this.size}: of what follows only the end is kept.`;
  }

  /** How much was left out, once that is over; undefined where it was not reached. */
  get summary(): string | undefined {
    if (this.leftLines === 0) return undefined;
    const bytes = this.last.reduce((left, line) => left - line.length, this.leftBytes);
    const lines = `${this.leftLines - this.last.length} lines (${sizeText(bytes)})`;
    return `${lines} of the ${this.what} were left out, before the last ${this.last.length}, at the cap of ${this.size}.`;
  }

  private get size(): string {
    return `${sizeText(this.mostBytes)} (${variable} of the worker)`;
  }
}

function sizeText(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 2 ** 10)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
