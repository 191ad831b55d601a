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

describe('evertrain start', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'evertrain start '));
  });
  afterAll(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  it('trains, gates, promotes and serves iris with --once, and stops everything', async () => {
    const { code, out } = await start(['start', '--once', '--data-dir', dataDir]).ended;
    // People read this: no line of the worker's JSON log among the steps.
    expect(out).not.toContain('"level":');
    expect(out).toContain('gate: accuracy is at least 0.9');
    expect(out).toContain('Version 1: champion (first version)');
    expect(out).toMatch(/curl -s http:\/\/127\.0\.0\.1:\d+\/v2\/models\/iris\/infer/);
    expect(out).toContain('"model_version":"1"');
    expect(code).toBe(0);
    expect(readEngineFile(dataDir)).toBeUndefined();
  });

  it('goes on from the same folder: the champion serves on, an equal version is kept out', async () => {
    const system = start(['start', '--data-dir', dataDir]);
    await system.until('Ctrl-C stops everything.');
    system.child.kill('SIGINT');
    const { code, out } = await system.ended;
    expect(out).toContain('Version 2: candidate (not better by more than 0');
    expect(out).toContain('Champion: version 1');
    expect(out).toContain('"model_version":"1"');
    expect(code).toBe(0);
  });

  it('picks up the training that a killed start left behind', async () => {
    const data = await heldFile('data/iris.csv');
    const killed = start(['start', '--data-dir', dataDir, '--input', JSON.stringify({ source: data.url })]);
    await data.asked;
    killed.child.kill('SIGKILL');
    await killed.ended;
    const next = start(['start', '--once', '--data-dir', dataDir]);
    // Not before it follows the training: one that has ended by then is none to pick up, and it orders another.
    await next.until('data.ingest');
    data.release();
    const { code, out } = await next.ended;
    data.close();
    expect(out).toContain('Version 3: candidate');
    expect(out).not.toContain('Version 4');
    expect(code).toBe(0);
  });

  it('says what is wrong with a model or an input, and exits with 2', async () => {
    const unknown = await start(['start', 'irsi', '--once', '--data-dir', dataDir]).ended;
    expect(unknown.out).toContain('USER_MODEL_UNKNOWN');
    expect(unknown.code).toBe(2);
    const malformed = await start(['start', '--once', '--data-dir', dataDir, '--input', '{']).ended;
    expect(malformed.out).toContain('USER_INPUT_INVALID');
    expect(malformed.code).toBe(2);
    const wrongType = await start(['start', '--once', '--data-dir', dataDir, '--input', '{"testShare":"x"}']).ended;
    expect(wrongType.out).toContain('testShare');
    expect(wrongType.code).toBe(2);
  });

  it('fails with the reason when the data is missing, and the champion serves on', async () => {
    const input = JSON.stringify({ source: 'no/such/file.csv' });
    const { code, out } = await start(['start', '--once', '--data-dir', dataDir, '--input', input]).ended;
    expect(out).toContain('USER_FILE_NOT_FOUND');
    expect(out).toContain('Champion: version 1');
    expect(code).toBe(2);
  });

  it('takes another port for the model server when its own is taken', async () => {
    const taken = createServer().listen(8100, '127.0.0.1');
    await new Promise((listening) => taken.once('listening', listening).once('error', listening));
    const fresh = await mkdtemp(join(tmpdir(), 'evertrain-start-'));
    try {
      const { code } = await start(['start', '--once', '--data-dir', fresh]).ended;
      expect(code).toBe(0);
    } finally {
      taken.close();
      await rm(fresh, { recursive: true, force: true });
    }
  });

  it('refuses a data folder that cannot be written, and exits with 4', async () => {
    const { code, out } = await start(['start', '--once', '--data-dir', '/dev/null/data']).ended;
    expect(out).toContain('SYSTEM_STORE_UNAVAILABLE');
    expect(code).toBe(4);
  });
});
