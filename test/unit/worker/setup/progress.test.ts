import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { asProgress, createProgress } from '../../../../worker/setup/progress.mjs';

test('progress rewrites one line in place on a terminal, cut to its width and free of control characters', async () => {
  const written: string[] = [];
  const progress = createProgress({ write: (text) => written.push(text), inPlace: true, columns: 30, everyMs: 10 });
  const answer = await progress.during('Building', async (tell) => {
    tell('\u001b[31mpackage/with/a/very/long/name/that/does/not/fit\r');
    await sleep(35);
    return 7;
  });
  expect(answer).toBe(7);
  expect(written[0]).toBe('\r\u001b[2KBuilding: 0 s');
  const line = written[1]?.replace('\r\u001b[2K', '');
  expect(line).toHaveLength(29);
  expect(line).not.toContain('\u001b');
  expect(written.at(-1)).toBe('\r\u001b[2KBuilding: done in 0 s\n');
});

test('progress writes plain lines elsewhere, and tells a failure', async () => {
  const lines: string[] = [];
  const progress = createProgress({ write: (text) => lines.push(text), inPlace: false, everyMs: 10 });
  const failing = progress.during('Building', async () => {
    await sleep(25);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(lines[0]).toBe('Building ...\n');
  expect(lines).toContain('Building: 0 s\n');
  expect(lines.at(-1)).toBe('Building: failed after 0 s\n');
});

test('a function takes progress as lines, and nothing is silence', async () => {
  const lines: string[] = [];
  await asProgress((line) => lines.push(line)).during('Building', async () => {});
  expect(lines).toEqual(['Building ...', 'Building: done in 0 s']);
  asProgress(undefined).line('unheard');
});
