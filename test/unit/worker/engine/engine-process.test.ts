import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boundLog, type EngineProcess, spawnEngine } from '../../../../worker/engine/engine-process.js';

let folder: string;
let engine: EngineProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evertrain-log-'));
});
afterEach(async () => {
  await engine?.end(0);
  rmSync(folder, { recursive: true, force: true });
});

describe('the log of an engine', () => {
  it('is emptied in place when it has grown large, and goes on from its beginning', async () => {
    const logFile = join(folder, 'engine.log');
    // 11 MB at once, then a word again and again.
    const code = `console.log('x'.repeat(11_000_000)); setInterval(() => console.log('goes on'), 5)`;
    engine = await spawnEngine(process.execPath, ['-e', code], logFile);
    const leave = boundLog(logFile, 10);
    try {
      await expect.poll(() => existsSync(`${logFile}.1`), { timeout: 20_000 }).toBe(true);
      await expect.poll(() => readFileSync(logFile, 'utf8'), { timeout: 20_000 }).toMatch(/^(x*\n)?(goes on\n)+$/);
    } finally {
      leave();
    }
    expect(readFileSync(`${logFile}.1`, 'utf8')).toMatch(/^x{1000}/);
  });
});
