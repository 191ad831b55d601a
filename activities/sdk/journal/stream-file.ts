import { type FileHandle, open } from 'node:fs/promises';
import { EvertrainError, show } from '../../../workflows/sdk/errors.js';
import { unlessAbsent } from '../durable-files.js';

const newline = 0x0a;
const blockBytes = 64 << 10;
/** One read gives about so much; the caller goes on from the cursor. */
export const mostReadBytes = 16 << 20;

/**
 * Appends whole lines to a file that has one writer. A torn last line, which a killed writer left, is cut off first; one
 * that a full disk leaves here is cut off at once. Lines are not flushed to the disk one by one: they survive the death
 * of the process, and after a power cut the last seconds of a log may be missing.
 */
export async function appendLines(path: string, lines: readonly string[]): Promise<void> {
  checkLines(lines);
  const handle = await open(path, 'a+');
  try {
    const { size } = await handle.stat();
    const end = await endOfLastLine(handle, size);
    if (end < size) await handle.truncate(end);
    try {
      await handle.appendFile(`${lines.join('\n')}\n`);
    } catch (error) {
      await handle.truncate(end).catch(() => undefined);
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** USER_OPTION_INVALID for a line with a line break in it. */
export function checkLines(lines: readonly string[]): void {
  const torn = lines.find((line) => line.includes('\n'));
  if (torn !== undefined) {
    throw new EvertrainError('USER_OPTION_INVALID', `${show(torn)} is more than one line.`, {
      value: torn,
      remedy: 'Append each line by itself, without line breaks.',
    });
  }
}

/** Cuts a file after its last whole line. */
export async function cutTornLine(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    const { size } = await handle.stat();
    const end = await endOfLastLine(handle, size);
    if (end < size) await handle.truncate(end);
  } finally {
    await handle.close();
  }
}

/** Whole lines from a cursor on, and the cursor after them; an absent file is empty. */
export async function readLines(path: string, cursor: string | undefined) {
  const from = parseCursor(cursor);
  const handle = await unlessAbsent(open(path, 'r'));
  if (handle === undefined) return { lines: [], cursor: String(from) };
  try {
    const { size } = await handle.stat();
    const end = await endOfLastLine(handle, size);
    if (end <= from) return { lines: [], cursor: String(from) };
    let bytes = await readRange(handle, from, Math.min(end, from + mostReadBytes));
    // A line longer than one read is read whole.
    if (!bytes.includes(newline)) bytes = await readRange(handle, from, end);
    const whole = bytes.subarray(0, bytes.lastIndexOf(newline));
    return { lines: whole.toString('utf8').split('\n'), cursor: String(from + whole.length + 1) };
  } finally {
    await handle.close();
  }
}

export function parseCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor);
  throw new EvertrainError('USER_OPTION_INVALID', `${show(cursor)} is not a cursor of this journal.`, {
    value: cursor,
    remedy: 'Pass the cursor that the last read gave, or none to start over.',
  });
}

/** The position after the last line break, 0 when there is none. */
async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - (end === size ? 1 : blockBytes));
    const at = (await readRange(handle, start, end)).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const buffer = Buffer.alloc(end - start);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
