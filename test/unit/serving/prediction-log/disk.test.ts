import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { logFolder } from '../../../../serving/prediction-log/segment.js';
import { smallDisk } from '../../../support/small-disk.js';
import { type Answer, call, deploy, type Harness, infer, serve, temporaryFolder } from '../support.js';
import { filesOf, loggedRows, predictIris } from './support.js';

const disk = await smallDisk(1 << 20);
afterAll(() => disk.remove());

const health = async ({ server }: Harness): Promise<unknown> =>
  (await call(server, 'GET', '/v2/health/ready')).body as unknown;

const label = ({ server }: Harness, id: string): Promise<Answer> =>
  call(server, 'POST', '/evertrain/models/m/feedback', { id, label: 1 });

describe.skipIf(!disk.isMounted)('on a full disk (needs the right to mount a tmpfs)', () => {
  it('answers go on, rows are held, then dropped and counted, and the log goes on by itself', async () => {
    const dataDir = await mkdtemp(join(disk.folder, 'data-'));
    const store = fileArtifactStore(await temporaryFolder());
    const harness = await serve({ dataDir, store, predictionLog: { bufferBytes: 3_000 } });
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'a-before');
    expect(await label(harness, 'a-before')).toMatchObject({ status: 202 });
    await disk.fill();
    for (let i = 0; i < 40; i++) await predictIris(harness, `b-${String(i).padStart(2, '0')}`);
    await vi.waitFor(() => expect(harness.log.join('\n')).toMatch(/held in memory.*ENOSPC/));
    const full = (await health(harness)) as { ready: boolean; predictionLogs: { dropped: number }[] };
    expect(full).toMatchObject({
      ready: true,
      predictionLogs: [{ model: 'm', problem: expect.stringMatching(/ENOSPC/) }],
    });
    const dropped = full.predictionLogs[0]?.dropped ?? 0;
    expect(dropped).toBeGreaterThan(10);
    // More than the rest of the last page of the file.
    const many = Array.from({ length: 200 }, (_, i) => ({ id: `b-${i}`, label: 1 }));
    const tell = () => call(harness.server, 'POST', '/evertrain/models/m/feedback', many);
    expect(await tell()).toMatchObject({ status: 503, body: { code: 'SYSTEM_STORE_UNAVAILABLE' } });
    await disk.free();
    expect(await tell()).toMatchObject({ status: 202, body: { accepted: 200, duplicates: 0 } });
    await vi.waitFor(() => expect(harness.log.join('\n')).toMatch(/logged again; \d+ rows were dropped/), 20_000);
    await predictIris(harness, 'c-after');
    await harness.server.close();
    const ids = (await loggedRows(dataDir)).map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([42 - dropped, 42 - dropped]);
    expect([ids.at(0), ids.at(-1)]).toEqual(['a-before', 'c-after']);
    // Told once, however many rows it was.
    expect(harness.log.filter((line) => line.includes('not logged'))).toHaveLength(1);
    await rm(dataDir, { recursive: true });
  });
});

describe('a folder that cannot be written', () => {
  it('costs rows and never an answer, and is written when it can be', async () => {
    const dataDir = await temporaryFolder();
    await mkdir(join(dataDir, 'serving'));
    await writeFile(join(dataDir, 'serving', 'predictions'), 'a file where the folder belongs');
    const harness = await serve({ dataDir });
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'a');
    await vi.waitFor(() => expect(harness.log.join('\n')).toMatch(/held in memory/));
    expect(await label(harness, 'a')).toMatchObject({ status: 503 });
    await rm(join(dataDir, 'serving', 'predictions'));
    await vi.waitFor(() => expect(harness.log.join('\n')).toMatch(/logged again; 0 rows were dropped/), 20_000);
    await harness.server.close();
    expect(await loggedRows(dataDir)).toMatchObject([{ id: 'a' }]);
  });

  it('may be one that somebody deletes while it is written to', async () => {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    await predictIris(harness, 'a');
    const folder = logFolder(harness.dataDir, 'm');
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1));
    await rm(folder, { recursive: true });
    let i = 0;
    await vi.waitFor(
      async () => {
        await predictIris(harness, `b${i++}`);
        expect(await filesOf(harness.dataDir)).toHaveLength(1);
      },
      { timeout: 20_000, interval: 50 },
    );
    await predictIris(harness, 'last');
    await harness.server.close();
    expect((await loggedRows(harness.dataDir)).map(({ id }) => id)).toContain('last');
  });
});

describe('the log is bounded', () => {
  const total = async (folder: string): Promise<number> => {
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
    return sizes.reduce((sum, size) => sum + size, 0);
  };

  it('by its size: the oldest segments go first', async () => {
    const harness = await serve({ predictionLog: { segmentBytes: 3_000, maxBytes: 12_000 } });
    await deploy(harness, 'iris-v1');
    let last = '';
    for (let i = 0; i < 300; i++) await predictIris(harness, (last = `id-${String(i).padStart(3, '0')}`));
    await vi.waitFor(
      async () => {
        const files = await filesOf(harness.dataDir);
        expect(files.filter((name) => name.endsWith('.jsonl')).length).toBeLessThanOrEqual(1);
        expect(await total(logFolder(harness.dataDir, 'm'))).toBeLessThan(12_000 + 4_000);
      },
      { timeout: 30_000, interval: 100 },
    );
    await harness.server.close();
    const ids = (await loggedRows(harness.dataDir)).map(({ id }) => id);
    expect(ids).not.toContain('id-000');
    expect(ids.at(-1)).toBe(last);
  });

  it('also when its model is served no more', async () => {
    const harness = await serve({ predictionLog: { segmentAgeMs: 50 } });
    const folder = logFolder(harness.dataDir, 'gone');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'labels-000000000000001-0-a.jsonl'), '');
    await deploy(harness, 'iris-v1');
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false));
  });

  it('by age, in labels too', async () => {
    const dataDir = await temporaryFolder();
    const folder = logFolder(dataDir, 'm');
    await mkdir(folder, { recursive: true });
    const days = (n: number) => String(Date.now() - n * 86_400_000).padStart(15, '0');
    const old = [`labels-${days(91)}-0-a.jsonl`, `predictions-${days(91)}-fa-b.parquet`];
    const kept = [`labels-${days(89)}-0-a.jsonl`, `predictions-${days(89)}-fa-b.parquet`];
    for (const name of [...old, ...kept]) await writeFile(join(folder, name), '');
    const harness = await serve({ dataDir });
    await deploy(harness, 'iris-v1');
    await vi.waitFor(async () => expect((await readdir(folder)).toSorted()).toEqual(kept.toSorted()));
  });
});

it('options of the log that cannot be are refused when the server starts', async () => {
  const dataDir = await temporaryFolder();
  for (const predictionLog of [
    { sampling: 1.5 },
    { sampling: NaN },
    { maxBytes: 0 },
    { mask: [''] },
    { segmentAgeMs: 1e9 },
  ]) {
    await expect(serve({ dataDir, predictionLog })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  }
});

it('a prediction whose rows have no room in a line is dropped and counted', async () => {
  const harness = await serve();
  await deploy(harness, 'text');
  const { body } = await call(harness.server, 'GET', '/v2/models/m');
  const [input] = (body as { inputs: { name: string; shape: number[] }[] }).inputs;
  const shape = input?.shape.map((d) => (d < 0 ? 1 : d)) ?? [];
  const count = shape.reduce((product, d) => product * d, 1);
  const data = Array.from({ length: count }, () => 'x'.repeat(2 << 20));
  const answer = await infer(harness.server, { inputs: [{ name: input?.name, shape, datatype: 'BYTES', data }] });
  expect(answer.status, JSON.stringify(answer.body).slice(0, 300)).toBe(200);
  expect(await health(harness)).toMatchObject({ predictionLogs: [{ model: 'm', dropped: 1 }] });
});
