import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { LineBuffer } from '../../../../../activities/sdk/journal/line-buffer.js';

const mib = 1 << 20;
const line = (n: number) => JSON.stringify({ n, padding: 'x'.repeat(16 << 10) });
/** Ends every test with nothing left in any buffer: their room is shared. */
const opened: { buffer: LineBuffer; release: () => void }[] = [];

afterEach(async () => {
  for (const { buffer, release } of opened.splice(0)) {
    release();
    await buffer.flush();
  }
});

/** A buffer whose appends stand until they are released, and what arrived. */
function slowBuffer() {
  const arrived: string[] = [];
  let appends = 0;
  let release = () => undefined as void;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const append = async (lines: readonly string[]) => {
    appends++;
    await gate;
    arrived.push(...lines);
  };
  const buffer = new LineBuffer(append, { flushAfterMs: 1 });
  const one = { buffer, release, arrived, appends: () => appends };
  opened.push(one);
  return one;
}

const bytesOf = (lines: readonly string[]) => lines.reduce((sum, text) => sum + text.length, 0);

describe('lines that a slow journal does not take', () => {
  it('of one buffer stay below 8 MiB beside what is being written, the newest, with a word about the others', async () => {
    const { buffer, release, arrived, appends } = slowBuffer();
    buffer.add(line(0));
    await expect.poll(appends).toBe(1);
    for (let n = 1; n <= 1_000; n++) {
      buffer.add(line(n));
      if (n % 100 === 0) await sleep(1);
    }
    expect(appends()).toBe(1);
    release();
    await buffer.flush();
    expect(bytesOf(arrived)).toBeLessThan(8.1 * mib);
    expect(arrived[1]).toMatch(/earlier lines were dropped/);
    expect(arrived.at(-1)).toBe(line(1_000));
    expect(appends()).toBe(2);
  });

  it('of many buffers stay below 64 MiB together, and a quiet one loses none', async () => {
    const quiet = slowBuffer();
    quiet.buffer.add(line(0));
    const loud = Array.from({ length: 30 }, slowBuffer);
    for (let n = 0; n < 400; n++) for (const { buffer } of loud) buffer.add(line(n));
    for (const { release } of [quiet, ...loud]) release();
    await Promise.all([quiet, ...loud].map(({ buffer }) => buffer.flush()));
    expect(loud.reduce((sum, { arrived }) => sum + bytesOf(arrived), 0)).toBeLessThan(66 * mib);
    expect(Math.min(...loud.map(({ arrived }) => bytesOf(arrived)))).toBeGreaterThan(mib);
    expect(quiet.arrived).toEqual([line(0)]);
  });

  it('make a writer wait that can, from 1 MiB on, until they are written', async () => {
    const { buffer, release, arrived } = slowBuffer();
    for (let n = 0; n < 63; n++) buffer.add(line(n));
    expect(buffer.room()).toBeUndefined();
    buffer.add(line(63));
    const room = buffer.room();
    expect(await Promise.race([room, sleep(20, 'still waiting')])).toBe('still waiting');
    release();
    await room;
    expect(arrived).toHaveLength(64);
    expect(buffer.room()).toBeUndefined();
  });

  it('that cannot be written at all make it wait for one try at a time', async () => {
    const failing = new LineBuffer(() => Promise.reject(new Error('away')), { flushAfterMs: 60_000 });
    for (let n = 0; n < 100; n++) failing.add(line(n));
    await failing.room();
    await failing.room();
    expect(failing.room()).toBeDefined();
  });
});
