import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deferred } from '../../activities/sdk/jobs/deferred.js';
import { readEngineFile } from '../../client/engine-file.js';
import { evertrainCli as start } from '../support/cli-process.js';

/** A file by HTTP, whose readers wait until it is released. */
async function heldFile(path: string) {
  const content = await readFile(path);
  const [asked, released] = [deferred<void>(), deferred<void>()];
  const server = createHttpServer((_, response) => {
    asked.resolve();
    void released.promise.then(() => response.end(content));
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/iris.csv`;
  return { url, asked: asked.promise, release: () => released.resolve(), close: () => server.close() };
}

/** A text as a pattern. */
const literally = (text: string) => new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));

describe('evertrain start', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain start '));
  });
  afterAll(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  it('shows with --once how bikes learns on: live, retrained on new data and compared, bad data held back', async () => {
    const { code, out } = await start(['start', '--once', '--data-dir', dataDir]).ended;
    // People read this: no line of the worker's JSON log among the steps.
    expect(out).not.toContain('"level":');
    expect(out).toContain('gate: error is at most half of that of the mean count');
    const story = [
      'Version 1: champion (first version)',
      /curl -s http:\/\/127\.0\.0\.1:\d+\/v2\/models\/bikes\/infer/,
      '"model_version":"1"',
      'Batch 2011-05-to-06 arrives: 1464 rows, May and June 2011, as they were.',
      'Its check found nothing wrong; a version is trained on it and the data before it.',
      /Version 2, trained on it too: champion \(better: rmse \d.* against the champion's \d.* on \d+ fresh rows in \d+ groups/,
      'Batch 2011-07-to-08-corrupted arrives: 1475 rows, July and August 2011, corrupted on purpose.',
      'It is in quarantine, and nothing was trained on it:',
      'column "temp": 100 % of its numbers lie far outside of the reference\'s 0.02 to 0.94',
      'column "hum": 50 % of its cells are missing, 0 % of the reference\'s',
      'Champion: version 2, rmse',
      '"model_version":"2"',
    ];
    for (const part of story) expect(out).toMatch(part);
    const places = story.map((part) => out.search(typeof part === 'string' ? literally(part) : part));
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(code).toBe(0);
    expect(readEngineFile(dataDir)).toBeUndefined();
  }, 180_000);

  it('goes on from the same folder: what the model knows is not told again, and new months train it on', async () => {
    const system = start(['start', '--data-dir', dataDir]);
    await system.until('Ctrl-C stops everything.');
    const months = ['--uri', 'data/bikes/2011-07-to-08.parquet', '--rows', '1475'];
    const told = await start(['model', 'bikes', 'data', '2011-07-to-08', ...months, '--data-dir', dataDir]).ended;
    expect(told.code).toBe(0);
    await expect
      .poll(async () => (await start(['model', 'bikes', '--data-dir', dataDir]).ended).out, {
        timeout: 90_000,
        interval: 1_000,
      })
      .toMatch(/"champion": "3"/);
    system.child.kill('SIGINT');
    const { code, out } = await system.ended;
    expect(out).toContain('Model "bikes" serves from before; it is trained when data arrives.');
    expect(out).toContain('Batch 2011-05-to-06, which the model knows from before');
    expect(out).toMatch(/It is in quarantine since 20.*, and nothing was trained on it:/);
    expect(out).not.toContain('arrives:');
    expect(out).toContain('Champion: version 2');
    expect(code).toBe(0);
  }, 180_000);

  it('stops by Ctrl-C amid its story, and picks it up also after a SIGKILL', async () => {
    const fresh = await mkdtemp(join(tmpdir(), 'evertrain-start-'));
    try {
      const stopped = start(['start', '--data-dir', fresh]);
      await stopped.until('data.ingest');
      stopped.child.kill('SIGINT');
      expect((await stopped.ended).code).toBe(0);
      const killed = start(['start', '--data-dir', fresh]);
      await killed.until('a version is trained on it');
      killed.child.kill('SIGKILL');
      await killed.ended;
      const { code, out } = await start(['start', '--once', '--data-dir', fresh]).ended;
      expect(out).toMatch(/Version 2: champion \(better: rmse/);
      expect(out).toContain('Batch 2011-05-to-06, which the model knows from before');
      expect(out).toContain('It is in quarantine, and nothing was trained on it:');
      expect(out).not.toContain('Version 3');
      expect(code).toBe(0);
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  }, 240_000);
});

describe('evertrain start iris', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain start '));
  });
  afterAll(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  it('trains, gates, promotes and serves with --once, and stops everything; its port being taken on another', async () => {
    const taken = createServer().listen(8100, '127.0.0.1');
    await new Promise((listening) => taken.once('listening', listening).once('error', listening));
    const { code, out } = await start(['start', 'iris', '--once', '--data-dir', dataDir]).ended;
    taken.close();
    expect(out).toMatch(/http:\/\/127\.0\.0\.1:(?!8100)\d+\/v2\/models\/iris\/infer/);
    expect(out).toMatch(/study networks: 9 of 9 trials in .* s, best loss 0\.\d+/);
    expect(out).toContain('gate: accuracy is at least 0.9');
    expect(out).toContain('Version 1: champion (first version)');
    expect(out).toContain('"model_version":"1"');
    expect(code).toBe(0);
    expect(readEngineFile(dataDir)).toBeUndefined();
  });

  it('compares a second version on the same rows, and keeps an equal one out', async () => {
    const system = start(['start', 'iris', '--data-dir', dataDir]);
    await system.until('Ctrl-C stops everything.');
    system.child.kill('SIGINT');
    const { code, out } = await system.ended;
    expect(out).toMatch(
      /Version 2: rejected \(not better: accuracy (0\.\d+) against the champion's \1 on \d+ fresh rows/,
    );
    expect(out).toContain('Champion: version 1');
    expect(out).toContain('"model_version":"1"');
    expect(code).toBe(0);
  });

  it('picks up the training that a killed start left behind', async () => {
    const data = await heldFile('data/iris.csv');
    const killed = start([
      'start',
      'iris',
      '--data-dir',
      dataDir,
      '--input',
      JSON.stringify({ source: data.url, trials: 1 }),
    ]);
    await data.asked;
    killed.child.kill('SIGKILL');
    await killed.ended;
    const next = start(['start', 'iris', '--once', '--data-dir', dataDir]);
    // Not before it follows the training: one that has ended by then is none to pick up, and it orders another.
    await next.until('data.ingest');
    data.release();
    const { code, out } = await next.ended;
    data.close();
    expect(out).toContain('Version 3: rejected');
    expect(out).not.toContain('Version 4');
    expect(code).toBe(0);
  });

  it('says what is wrong with a model or an input, and exits with 2', async () => {
    const unknown = await start(['start', 'irsi', '--once', '--data-dir', dataDir]).ended;
    expect(unknown.out).toContain('USER_MODEL_UNKNOWN');
    expect(unknown.code).toBe(2);
    const noBatches = await start(['start', '--once', '--data-dir', dataDir, '--batches', 'no/such.json']).ended;
    expect(noBatches.out).toContain('USER_FILE_NOT_FOUND');
    expect(noBatches.code).toBe(2);
    const noList = await start(['start', '--once', '--data-dir', dataDir, '--batches', 'package.json']).ended;
    expect(noList.out).toContain('package.json is no list as JSON.');
    expect(noList.code).toBe(2);
    const malformed = await start(['start', '--once', '--data-dir', dataDir, '--input', '{']).ended;
    expect(malformed.out).toContain('USER_INPUT_INVALID');
    expect(malformed.code).toBe(2);
    const wrongType = await start(['start', '--once', '--data-dir', dataDir, '--input', '{"testShare":"x"}']).ended;
    expect(wrongType.out).toContain('testShare');
    expect(wrongType.code).toBe(2);
  });

  it('fails with the reason when the data is missing, and the champion serves on', async () => {
    const input = JSON.stringify({ source: 'no/such/file.csv' });
    const { code, out } = await start(['start', 'iris', '--once', '--data-dir', dataDir, '--input', input]).ended;
    expect(out).toContain('USER_FILE_NOT_FOUND');
    expect(out).toContain('Champion: version 1');
    expect(code).toBe(2);
  });

  it('refuses a data folder that cannot be written, and exits with 4', async () => {
    const { code, out } = await start(['start', '--once', '--data-dir', '/dev/null/data']).ended;
    expect(out).toContain('SYSTEM_STORE_UNAVAILABLE');
    expect(code).toBe(4);
  });
});
