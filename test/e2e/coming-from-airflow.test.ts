import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Evertrain } from '../../client/evertrain.js';
import type { Run } from '../../client/run.js';
import { type CliProcess, evertrainCli } from '../support/cli-process.js';
import { exampleProject } from '../support/example-project.js';
import { startTestEngine, type TestEngine } from '../support/test-engine.js';

/** The pipelines that docs/coming-from-airflow.md shows, each run on real data. */
const source = 'penguins-raw.csv';
let project: Awaited<ReturnType<typeof exampleProject>>;
let engine: TestEngine;
let evertrain: Evertrain;
let worker: CliProcess;
const place = () => ['--address', engine.address, '--data-dir', engine.dataDir];
const call = (...args: string[]) => evertrainCli([...args, ...place()], { cwd: project.folder }).ended;
const start = (name: string, input: unknown): Promise<Run> => evertrain.startByName(name, input, { provenance: false });
const isAccurate = expect.toSatisfy((accuracy: number) => accuracy > 0.8 && accuracy <= 1) as number;

/** A file that is whole when it is there. */
async function arrives(name: string): Promise<void> {
  await cp(join(project.folder, source), join(project.folder, 'coming'));
  await rename(join(project.folder, 'coming'), join(project.folder, name));
}

beforeAll(async () => {
  [project, engine] = await Promise.all([
    exampleProject('coming-from-airflow', { 'penguins-raw.csv': source }),
    startTestEngine(),
  ]);
  evertrain = await engine.connect();
  worker = evertrainCli(['worker', ...place()], { cwd: project.folder });
  await worker.until('worker started');
});
afterAll(async () => {
  worker?.child.kill('SIGTERM');
  await worker?.ended;
  await evertrain?.close();
  await engine?.stop();
  await project?.remove();
});

describe.concurrent('coming from Airflow', () => {
  it('has a day: clean, extract, train, evaluate, by a schedule', async () => {
    const applying = call('schedules', 'apply', '--yes');
    const run = await start('daily', { source });
    expect(await run.result()).toEqual({ outcome: 'completed', output: { accuracy: isAccurate } });
    const { steps } = await run.view();
    expect(steps.map(({ name }) => name)).toEqual(['clean', 'extract', 'train', 'evaluate']);
    const applied = await applying;
    expect([applied.code, applied.out]).toEqual([0, expect.stringContaining('daily') as string]);
  });

  it('has branches side by side, and values by name', async () => {
    const runs = await Promise.all([start('branches', { source }), start('values', { source })]);
    for (const run of runs) {
      expect(await run.result()).toEqual({ outcome: 'completed', output: { accuracy: isAccurate } });
    }
    const { edges } = await (runs[0] as Run).view();
    const joined = edges.filter(({ to, kind }) => to === 'join' && kind === 'data').map(({ from }) => from);
    expect(joined.sort()).toEqual(['bills', 'bodies']);
  });

  it('waits for a file, and trains when its quality will do', async () => {
    const [good, bad] = await Promise.all([
      start('arrivals', { source: 'new.csv' }),
      start('arrivals', { source: 'bad.csv' }),
    ]);
    await arrives('new.csv');
    const output = { outcome: 'completed', output: { accuracy: isAccurate } };
    expect(await good.result()).toEqual({ outcome: 'completed', output });
    const set = ['variables', 'set', 'min-complete', '0.999', '--data-dir', engine.dataDir];
    expect((await evertrainCli(set, { cwd: project.folder }).ended).out).toBe('min-complete = 0.999\n');
    await arrives('bad.csv');
    expect(await bad.result()).toMatchObject({ outcome: 'rejected', gate: 'complete enough', facts: { rows: 344 } });
  });

  it('has trigger rules, callbacks, loops and deadlines as plain code', async () => {
    const run = await start('rules', { sources: [source, 'python/penguins.py'] });
    const { output } = (await run.result()) as { output: { depth: number; started: string } };
    expect(output).toMatchObject({ depth: expect.any(Number) as number, accuracy: isAccurate });
    const { steps } = await run.view();
    const told = steps.filter(({ name }) => name === 'tell').map(({ input }) => (input as { text: string }).text);
    expect(told).toEqual(['1 sources failed', 'rules has ended']);
    expect(steps.filter(({ name }) => name === 'train').length).toBe(output.depth);
    expect(await evertrain.attach(output.started).result()).toMatchObject({ outcome: 'completed' });
  });

  it('has heavy work and a million rows without weight in the engine', async () => {
    const runs = await Promise.all([start('heavy', { source }), start('frames', { rows: 1_000_000 })]);
    expect(await runs[0]?.result()).toMatchObject({ output: { accuracy: expect.any(Number) as number } });
    expect(await runs[1]?.result()).toEqual({ outcome: 'completed', output: { total: 333_332_833_333_500_000 } });
    const size = JSON.stringify(await runs[1]?.view()).length;
    expect(size).toBeLessThan(10_000);
  });

  it('trains when there is data, and not by the clock', async () => {
    const growing = evertrain.model('growing');
    await growing.dataArrived({ id: 'a', uri: source, rows: 200 });
    expect((await growing.state()).versions).toEqual([]);
    await growing.dataArrived({ id: 'b', uri: source, rows: 144 });
    await vi.waitUntil(async () => (await growing.state()).champion === '1', { timeout: 50_000 });
    expect((await growing.state()).versions[0]?.metrics['accuracy']).toEqual(isAccurate);
  });
});
