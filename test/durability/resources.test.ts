import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onGpus, weighed } from '../fixtures/resources/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';
import type { SpawnedWorker } from '../support/spawn-worker.js';

const provenance = false;
const soon = { timeout: 30_000 };
const machine = { cpu: 8, memory: '4Gi', gpu: 3 };
const keys = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);
let fixture: DurableProject;
let worker: SpawnedWorker;

beforeAll(async () => {
  fixture = await durableProject('resources');
  worker = await fixture.worker({ resources: machine });
});
afterAll(() => fixture?.close());

const bookOf = (name: string) => join(fixture.engine.dataDir, name);
const lines = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).split('\n').filter(Boolean);

/** After each line, what the open entries have, by key: all that a killed worker had is free. */
function atWork(entries: readonly string[]): ReadonlyMap<string, readonly string[]>[] {
  const open = new Map<string, string[]>();
  return entries.map((entry) => {
    const [key = '', has = ''] = entry.slice(1).split(' ');
    if (entry.startsWith('+')) open.set(key, has.split(','));
    else if (entry.startsWith('-')) open.delete(key);
    else open.clear();
    return new Map(open);
  });
}

const held = (entries: readonly string[]) => atWork(entries).map((open) => [...open.values()].flat());

describe('a worker with three GPUs and 4 GiB', () => {
  it('gives each number to one step at a time, jobs and killed workers included', async () => {
    const { effects, evertrain } = fixture;
    const book = bookOf('gpus');
    // Which of them come first is the engine's affair.
    const open = ['one-gpu', 'two-gpus', 'here-on-gpu'].flatMap((step) => keys(5).map((key) => `${step}/${key}`));
    for (const key of open) effects.hold(key);
    const run = await evertrain.start(onGpus, { effects: effects.url, book, keys: keys(5) }, { provenance });
    const inUse = async () => {
      const last = atWork(await lines(book)).at(-1) ?? new Map<string, string[]>();
      const gpus = [...last.values()].flat().sort();
      // One may be free for a step that needs two, until one before it ends.
      if (gpus.length < machine.gpu) for (const key of [...last.keys()].slice(0, 1)) effects.release(key);
      return gpus;
    };
    await expect.poll(inUse, { ...soon, interval: 1_000 }).toEqual(['0', '1', '2']);
    await worker.kill();
    await appendFile(book, '=\n');
    for (const key of open) effects.release(key);
    worker = await fixture.worker({ resources: machine });
    const result = await run.result();
    expect(held(await lines(book)).filter((gpus) => new Set(gpus).size < gpus.length)).toEqual([]);
    const output = (result as { output: string[] }).output.map((gpus) => gpus.split(',').length);
    expect(output).toEqual([...Array(5).fill(1), ...Array(5).fill(2), ...Array(5).fill(1)]);
    const { steps: seen } = await run.view();
    expect(new Set(seen.map(({ queue }) => queue))).toEqual(new Set(['gpu']));
  });

  it('has them back from a step that is cancelled', async () => {
    const { effects, evertrain } = fixture;
    const book = bookOf('cancelled');
    const held = ['one-gpu/held', 'two-gpus/held', 'here-on-gpu/held'];
    for (const key of held) effects.hold(key);
    const input = { effects: effects.url, book };
    const cancelled = await evertrain.start(onGpus, { ...input, keys: ['held'] }, { provenance });
    // Of three kinds that need four, two are at work.
    await expect.poll(async () => (await lines(book)).length, soon).toBe(2);
    const next = await evertrain.start(onGpus, { ...input, keys: ['next'] }, { provenance });
    await cancelled.cancel();
    await expect(cancelled.result()).rejects.toMatchObject({ code: 'USER_RUN_CANCELLED' });
    expect(await next.result()).toMatchObject({ outcome: 'completed' });
    for (const key of held) effects.release(key);
  });

  it('never has more at work than it has memory for, and uses it', async () => {
    const { effects, evertrain } = fixture;
    const book = bookOf('weights');
    // Exactly what there is.
    const first = ['small/first', 'large/first'];
    for (const key of first) effects.hold(key);
    const weigh = (of: string[]) => evertrain.start(weighed, { effects: effects.url, book, keys: of }, { provenance });
    const runs = [await weigh(['first'])];
    await Promise.all(first.map((key) => effects.began(key)));
    runs.push(await weigh(keys(10)));
    for (const key of first) effects.release(key);
    await Promise.all(runs.map((run) => run.result()));
    const sums = held(await lines(book)).map((has) => has.reduce((sum, gib) => sum + Number(gib), 0));
    expect(Math.max(...sums)).toBe(4);
  });
});
