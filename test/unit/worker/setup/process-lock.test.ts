import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tryLock, waitForLock } from '../../../../worker/setup/process-lock.mjs';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evertrain-lock-'));
  path = join(folder, 'lock');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function take() {
  const taken = tryLock(path);
  if (!('lock' in taken)) throw new Error(`held by ${JSON.stringify(taken.heldBy)}`);
  return taken.lock;
}

describe('a lock between processes', () => {
  test('names its living owner and is free after its release', () => {
    const lock = take();
    expect(tryLock(path)).toEqual({ heldBy: expect.objectContaining({ pid: process.pid, host: hostname() }) });
    lock.release();
    take().release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ['of a process that ended', { host: hostname(), pid: 2 ** 22 + 1 }],
    ['of a process whose pid another one has now', { host: hostname(), pid: process.pid, start: 'other-boot:1' }],
    ['without sense', 'garbage'],
  ])('%s is taken over', (_, content) => {
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    take().release();
  });

  test('of another machine counts while it is touched', () => {
    writeFileSync(path, JSON.stringify({ host: 'another-machine', pid: 1 }));
    expect(tryLock(path)).toEqual({ heldBy: { host: 'another-machine', pid: 1 } });
    const longAgo = new Date(Date.now() - 120_000);
    utimesSync(path, longAgo, longAgo);
    take().release();
  });

  test('is never removed by one who lost it', () => {
    const lock = take();
    writeFileSync(path, JSON.stringify({ host: 'another-machine', pid: 1 }));
    lock.release();
    expect(readFileSync(path, 'utf8')).toContain('another-machine');
  });

  test('waits for the owner', async () => {
    const lock = take();
    setTimeout(() => lock.release(), 50);
    const waited: number[] = [];
    (await waitForLock(path, ({ pid }) => waited.push(pid))).release();
    expect(waited[0]).toBe(process.pid);
  });

  test('lets one in at a time, over many processes that die holding it', async () => {
    const module = new URL('../../../../worker/setup/process-lock.mjs', import.meta.url).href;
    // Each notes its entry and its exit; every third is killed inside, so its lock has to be taken over.
    const program = `
      import { appendFileSync } from 'node:fs';
      import { waitForLock } from '${module}';
      for (let turn = 0; turn < 10; turn++) {
        const lock = await waitForLock(${JSON.stringify(path)});
        appendFileSync(${JSON.stringify(join(folder, 'notes'))}, 'in ' + process.pid + '\\n');
        await new Promise((resolve) => setTimeout(resolve, 2));
        appendFileSync(${JSON.stringify(join(folder, 'notes'))}, 'out ' + process.pid + '\\n');
        if (turn === 9 && process.argv[1] === 'dies') process.kill(process.pid, 'SIGKILL');
        lock.release();
      }`;
    const run = (argument: string) =>
      promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, argument]).catch(() => {});
    await Promise.all(['dies', 'lives', 'dies', 'lives', 'dies', 'lives'].map(run));
    const notes = readFileSync(join(folder, 'notes'), 'utf8').trim().split('\n');
    expect(notes).toHaveLength(120);
    for (let index = 0; index < notes.length; index += 2) {
      expect(notes[index + 1]).toBe(notes[index]?.replace('in', 'out'));
    }
  });
});
