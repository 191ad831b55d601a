import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyDatabase } from '../../worker/maintenance/sqlite-database.js';
import { type CliOptions, type CliProcess, evertrainCli } from '../support/cli-process.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

/** The sources as they lie in the checkout: what surrounds a training there is recorded with it. */
const inCheckout = (args: string[], options: CliOptions = {}) => evertrainCli(args, { ...options, sources: true });

describe('the command line', () => {
  let engine: TestEngine;
  let worker: CliProcess;
  let folder: string;
  const place = () => ['--address', engine.address, '--data-dir', engine.dataDir];
  const call = (...args: string[]) => evertrainCli([...args, ...place()]).ended;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-cli-'));
    engine = await startTestEngine();
    worker = inCheckout(['worker', ...place()]);
    await worker.until('worker started');
  });
  afterAll(async () => {
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('runs a pipeline, shows it as a tree and as JSON, lists it, and has its logs', async () => {
    const run = await call('run', 'iris', '--id', 'iris-by-hand', '--input', '{"trials":4}');
    expect(run.out).toContain('"outcome": "completed"');
    expect(run.code).toBe(0);
    const shown = await call('show', 'iris-by-hand');
    expect(shown.out).toMatch(/✔ study networks: 4 of 4 trials in .* s, best loss 0\.\d+/);
    expect(shown.out).toContain('✔ iris.evaluate completed');
    expect(shown.out).toContain('✔ gate: accuracy is at least 0.9');
    const json = JSON.parse((await call('show', 'iris-by-hand', '--json')).out) as { status: { kind: string } };
    expect(json.status.kind).toBe('completed');
    expect((await call('ls', '--pipeline', 'iris')).out).toContain('iris-by-hand  iris  completed');
    expect((await call('logs', 'iris-by-hand', '--step', 'data.ingest')).out).toContain('read 150 rows and 5 columns');
    expect((await call('replay', 'iris-by-hand')).out).toContain('replays on the code of today');
    const again = await call('rerun', 'iris-by-hand', '--from', 'iris.evaluate');
    expect(again.out).toMatch(/ repeats iris-by-hand: iris\.evaluate/);
    expect(again.code).toBe(0);
  });

  it('exits with 3 when a gate ends the run', async () => {
    const source = join(folder, 'few rows; $(touch x) é.csv');
    await writeFile(source, 'sepal_length,sepal_width,petal_length,petal_width,species\n1,1,1,1,a\n');
    const { code, out } = await call('run', 'iris', '--input', JSON.stringify({ source }));
    expect(out).toContain('"gate": "data is usable"');
    expect(code).toBe(3);
  });

  it.each([
    ['an empty file', 'empty.csv', ''],
    ['a header without rows', 'header.csv', 'a,b\n'],
    ['bytes that are no Parquet', 'broken.parquet', 'PAR1 nothing'],
    ['an ending that says nothing', 'table.dat', 'a,b\n1,2\n'],
  ])('says what is wrong with %s, and exits with 2', async (_, name, content) => {
    const source = join(folder, name);
    await writeFile(source, content);
    const { code, out } = await call('run', 'iris', '--input', JSON.stringify({ source }));
    expect(out).toContain('USER_DATA_MALFORMED');
    expect(out).toContain(name);
    expect(code).toBe(2);
  });

  it('names the nearest pipeline, the field that is wrong, the run that is unknown', async () => {
    expect((await call('run', 'irsi')).out).toContain('Did you mean "iris"?');
    expect((await call('run', 'iris', '--input', '{"testShare":2}')).out).toContain('testShare');
    const unknown = await call('show', 'no-such-run');
    expect(unknown.out).toContain('USER_RUN_UNKNOWN');
    expect(unknown.code).toBe(2);
  });

  it('says that nothing answers at an address, and exits with 4', async () => {
    const { code, out } = await evertrainCli(['ls', '--address', '127.0.0.1:1']).ended;
    expect(out).toContain('SYSTEM_ENGINE_UNREACHABLE');
    expect(code).toBe(4);
  });

  it('looks over the machine, the engine and the project, and says what is wrong', async () => {
    const good = await call('doctor', '--json');
    const findings = JSON.parse(good.out) as { check: string; state: string; found: string }[];
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(findings.find(({ check }) => check === 'engine')?.found).toContain(engine.address);
    expect(findings.find(({ check }) => check === 'database')?.found).toMatch(/temporal\.db, \d+ MB, sound$/);
    expect(good.code).toBe(0);
    const torn = join(folder, 'torn');
    await mkdir(torn);
    await writeFile(join(torn, 'temporal.db'), Buffer.alloc(20_000, 'no database'));
    expect((await evertrainCli(['doctor', '--data-dir', torn]).ended).out).toMatch(
      /fail database .*file is not a database/,
    );
    const hurt = join(folder, 'hurt');
    await mkdir(hurt);
    await copyDatabase(join(engine.dataDir, 'temporal.db'), join(hurt, 'temporal.db'), 'python3');
    const file = await open(join(hurt, 'temporal.db'), 'r+');
    await file.write(Buffer.alloc(40_960, 0xa5), 0, 40_960, 5 * 4096);
    await file.close();
    const damaged = await evertrainCli(['doctor', '--data-dir', hurt]).ended;
    expect(damaged.out).toMatch(/fail database .*hurt.*damaged: .*`evertrain restore`.*SYSTEM_STORE_UNAVAILABLE/);
    expect(damaged.code).toBe(4);
    const nowhere = join(folder, 'not', 'made');
    const bad = await evertrainCli(['doctor', '--address', '127.0.0.1:1', '--data-dir', nowhere]).ended;
    expect(bad.out).toMatch(/fail engine +Nothing answers at 127\.0\.0\.1:1/);
    expect(bad.out).toMatch(/ok {3}data folder +.*not made yet/);
    expect(bad.code).toBe(4);
    expect(existsSync(nowhere)).toBe(false);
  });

  it('makes a version again and compares it, and what surrounds it', async () => {
    await inCheckout(['model', 'penguins', 'train', ...place()]).ended;
    const same = await inCheckout(['reproduce', 'penguins', '1', ...place()]).ended;
    expect(same.out).toContain('Code, packages and platform are the same here.');
    expect(same.out).toMatch(/Reproduced: metrics and model \([0-9a-f]{64}\) are the same\./);
    expect(same.code).toBe(0);
    const elsewhere = await inCheckout(['reproduce', 'penguins', '1', '--check', ...place()], { cwd: folder }).ended;
    expect(elsewhere.out).toMatch(/here it is otherwise:\n {2}commit: [0-9a-f]{40} → –/);
    expect(elsewhere.out).toMatch(/lockFiles\/package-lock\.json: [0-9a-f]{64} → –/);
    expect(elsewhere.code).toBe(1);
    const unknown = await call('reproduce', 'penguins', '9');
    expect(unknown.out).toContain('Model "penguins" has no version 9. It has: 1.');
    expect(unknown.code).toBe(2);
  });
});
