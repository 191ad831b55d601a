import { describe, expect, it } from 'vitest';
import { LineReader } from '../../../../../activities/sdk/jobs/line-reader.js';

function read(chunks: readonly string[], most?: number): string[] {
  const reader = new LineReader(most);
  const lines = chunks.flatMap((chunk) => [...reader.push(Buffer.from(chunk))]);
  const last = reader.end();
  return last === undefined ? lines : [...lines, last];
}

describe('LineReader', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = 'first\n\nzwölf €\nlast';
    const bytes = [...Buffer.from(text)].map((byte) => Buffer.from([byte]));
    const reader = new LineReader();
    const single = bytes.flatMap((byte) => [...reader.push(byte)]);
    expect([...single, reader.end()]).toEqual(['first', '', 'zwölf €', 'last']);
    expect(read([text])).toEqual(['first', '', 'zwölf €', 'last']);
  });

  it('cuts a long line with a note and goes on with the next one', () => {
    const lines = read(['a'.repeat(5), 'b'.repeat(20), 'c'.repeat(20), '\nnext\n'], 10);
    expect(lines).toEqual(['aaaaabbbbb … (cut: the line is longer than 10 bytes)', 'next']);
  });

  it('shows of a progress bar what a terminal would show at the end', () => {
    expect(read(['\r 1 %\r 50 %', '\r100 %\r\nwindows\r\n'])).toEqual(['100 %', 'windows']);
    expect(
      read(
        Array.from({ length: 100 }, (_, i) => `\r${i} %`),
        20,
      ),
    ).toEqual(['99 %']);
  });
});
