import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { implementCommand } from '../../../../../activities/sdk/jobs/implement-command.js';
import type { AttemptLine } from '../../../../../activities/sdk/journal/attempt-journal.js';
import { runStepHere } from '../../../../../activities/sdk/run-step-here.js';
import type { StepServices } from '../../../../../activities/sdk/services.js';
import { openStepServices } from '../../../../../worker/step-services.js';
import { secret, step } from '../../../../../workflows/sdk/index.js';

const key = `-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----`;
const token = 'tokentokentokentoken';

let dataDir: string;
let services: Awaited<ReturnType<typeof openStepServices>>;
const said: string[] = [];

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'evertrain-flood-'));
  vi.stubEnv('EVERTRAIN_LOG_CAP', '1Mi');
  vi.stubEnv('TEST_KEY', key);
  vi.stubEnv('TEST_TOKEN', token);
  const log: StepServices['log'] = (_, message) => void said.push(message);
  services = await openStepServices({ dataDir, log });
});
afterEach(() => said.splice(0));
afterAll(async () => {
  vi.unstubAllEnvs();
  await services?.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Runs a program of Node to its end; what it left in the journal. */
async function run(name: string, program: string) {
  const flood = step(name, { output: z.object({}), retry: { attempts: 1 } });
  const secrets = { KEY: secret('TEST_KEY'), TOKEN: secret('TEST_TOKEN') };
  const implementation = implementCommand(flood, [process.execPath, '-e', `${program}\n${writeOutput}`], { secrets });
  let mostRss = 0;
  const timer = setInterval(() => {
    mostRss = Math.max(mostRss, process.memoryUsage.rss());
  }, 10);
  const before = process.memoryUsage.rss();
  await runStepHere(implementation, undefined, services, { signal: new AbortController().signal });
  clearInterval(timer);
  const [path = ''] = (await readdir(dataDir, { recursive: true })).filter((one) => one.endsWith(`1=${name}.lines`));
  const file = join(dataDir, path);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return {
    sizeBytes: (await stat(file)).size,
    grownBytes: mostRss - before,
    lines: lines.map((line) => JSON.parse(line) as AttemptLine),
    messages: lines.map((line) => (JSON.parse(line) as { message?: string }).message ?? ''),
  };
}

const writeOutput = `process.on('exit', () => {
  const { outputPath } = JSON.parse(require('fs').readFileSync(process.env.EVERTRAIN_JOB, 'utf8'));
  require('fs').writeFileSync(outputPath, '{}');
});`;

describe('a job that says too much', () => {
  it('waits at its pipe; its log ends at the cap and says what was left out and where the cap is, its end is kept', async () => {
    const count = 60_000;
    const { sizeBytes, grownBytes, messages } = await run(
      'floods',
      `const fs = require('fs'); const line = (n) => 'line ' + n + ' ' + 'x'.repeat(280) + '\\n';
       for (let n = 0; n < ${count}; n += 1000) fs.writeSync(1, Array.from({ length: 1000 }, (_, at) => line(n + at)).join(''));`,
    );
    expect(sizeBytes).toBeLessThan(1.1 * 2 ** 20);
    expect(grownBytes).toBeLessThan(150 * 2 ** 20);
    const kept = messages
      .filter((message) => message.startsWith('line '))
      .map((message) => Number(message.split(' ')[1]));
    const reached = messages.findIndex((message) => message.includes('reached its cap of 1.0 MiB (EVERTRAIN_LOG_CAP'));
    expect(kept.slice(0, reached)).toEqual(Array.from({ length: reached }, (_, n) => n));
    expect(kept.slice(-20)).toEqual(Array.from({ length: 20 }, (_, n) => count - 20 + n));
    expect(messages.at(-1)).toMatch(
      new RegExp(
        `^${count - kept.length} lines \\([\\d.]+ MiB\\) of the log were left out, before the last 20, at the cap of`,
      ),
    );
    // What the worker itself shows is bounded with it.
    expect(said.length).toBe(reached);
  });

  it('of one line of 16 MB keeps the beginning, without a part of a secret', async () => {
    const { messages, grownBytes } = await run(
      'endless',
      `const fs = require('fs'); fs.writeSync(1, 'x'.repeat(64 * 1024 - 10) + process.env.TOKEN);
       for (let n = 0; n < 16; n++) fs.writeSync(1, 'y'.repeat(1 << 20)); fs.writeSync(1, '\\nnext\\n');`,
    );
    expect(grownBytes).toBeLessThan(150 * 2 ** 20);
    expect(messages).toHaveLength(2);
    expect(/^x{65526}…y{9} … \(cut: the line is longer than 65536 bytes\)$/.test(messages[0] ?? '')).toBe(true);
    expect(messages[1]).toBe('next');
  });
});

describe('a secret in what a job says', () => {
  it('is hidden where it comes in two pieces, and where its lines come one by one', async () => {
    const { messages } = await run(
      'leaks',
      `const fs = require('fs'); const { KEY, TOKEN } = process.env;
       fs.writeSync(1, 'token ' + TOKEN.slice(0, 7)); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
       fs.writeSync(1, TOKEN.slice(7) + ' end\\n' + KEY + '\\n');
       fs.writeSync(1, '::evertrain:: ' + JSON.stringify({ kind: 'progress', fraction: 0.5, message: 'with ' + TOKEN }) + '\\n');
       fs.writeSync(2, 'error ' + 'z'.repeat(490) + TOKEN + '\\n');`,
    );
    expect(messages).toContain('token … end');
    expect(messages).toContain('with …');
    for (const text of messages) {
      for (const part of [token.slice(0, 8), ...key.split('\n')]) expect(text).not.toContain(part);
    }
  });
});
