import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { plainLine } from '../../../worker/log.js';

/** What a process with the worker's log writes to standard error. */
async function logged(code: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = `import { quietWorkerLog, workerLog } from './worker/log.ts';\n${code}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
  const { EVERTRAIN_LOG_LEVEL: _, FORCE_COLOR: __, ...own } = process.env;
  const child = spawn(process.execPath, args, {
    env: { ...own, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return text(child.stderr);
}

const talk = `workerLog.info({ step: 'fit' }, 'began');\nworkerLog.warn({ step: 'fit' }, 'is late');`;

describe("a worker's log", () => {
  test('is JSON lines where it is no terminal', async () => {
    const lines = (await logged(talk)).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 30, step: 'fit', msg: 'began', time: expect.any(String) as string }),
      expect.objectContaining({ level: 40, step: 'fit', msg: 'is late' }),
    ]);
  });

  test('is plain, and of warnings and errors only, among output for people', async () => {
    const quiet = `quietWorkerLog();\n${talk}`;
    expect(await logged(quiet)).toMatch(/^\d\d:\d\d:\d\d warn: is late step=fit\n$/);
    const more = await logged(quiet, { EVERTRAIN_LOG_LEVEL: 'info' });
    expect(more).toMatch(/^\S+ began step=fit\n\S+ warn: is late step=fit\n$/);
  });
});

describe('a plain line', () => {
  const line = (fields: object) =>
    JSON.stringify({ time: '2026-01-02T03:04:05.678Z', pid: 1, msg: 'it broke', ...fields });

  test('has the time, the message and the fields, without the process', () => {
    expect(plainLine(line({ level: 30, n: 1, of: { a: 'b' } }), false)).toBe('03:04:05 it broke n=1 of={"a":"b"}\n');
  });

  test('has the stack of an error below', () => {
    const error = { type: 'Error', message: 'no room', stack: 'Error: no room\n    at f (a.ts:1:2)' };
    expect(plainLine(line({ level: 50, error }), false)).toBe(
      '03:04:05 error: it broke error=no room\nError: no room\n    at f (a.ts:1:2)\n',
    );
  });

  test('has its level in colour on a terminal', () => {
    expect(plainLine(line({ level: 50 }), true)).toContain('\u001b[31m error:\u001b[39m it broke');
  });
});
