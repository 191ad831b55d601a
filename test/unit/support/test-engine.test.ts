import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, isAlive } from '../../support/python-project.js';

const support = pathToFileURL(resolve('test/support/index.ts')).href;
const program = `
import { startTestEngine, spawnWorker } from '${support}';
import { readEngineFile } from '${pathToFileURL(resolve('client/index.ts')).href}';
const engine = await startTestEngine();
const worker = await spawnWorker({ ...engine, project: '${resolve('test/fixtures/commands')}' });
const { pid } = readEngineFile(engine.dataDir);
console.log(JSON.stringify({ engine: pid, worker: worker.pid, dataDir: engine.dataDir }));
await new Promise((stay) => setTimeout(stay, 120_000));
`;

describe('a test that is killed', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evertrain-killed-'));
    await writeFile(join(folder, 'program.mjs'), program);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes its engine, its worker and its data folder along', async () => {
    const args = ['--import', import.meta.resolve('tsx'), join(folder, 'program.mjs')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((done) => createInterface(child.stdout).once('line', done));
    const { engine, worker, dataDir } = JSON.parse(line) as { engine: number; worker: number; dataDir: string };
    expect([isAlive(engine), isAlive(worker), existsSync(dataDir)]).toEqual([true, true, true]);
    child.kill('SIGKILL');
    await eventually('the engine ends', 10_000, () => !isAlive(engine));
    await eventually('the worker ends', 10_000, () => !isAlive(worker));
    await eventually('the folder is gone', 10_000, () => !existsSync(dataDir));
  });
});
