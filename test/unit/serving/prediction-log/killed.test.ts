import { appendFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { logFolder } from '../../../../serving/prediction-log/segment.js';
import type { PredictionLogOptions } from '../../../../serving/prediction-log/options.js';
import { startChild } from '../../../support/child-process.js';
import { deploy, floats, serve } from '../support.js';
import { filesOf, loggedRows, predictIris } from './support.js';

/** A data folder with a deployed `times-2`. */
async function prepared(): Promise<string> {
  const harness = await serve({ predictionLog: false });
  await deploy(harness, 'times-2');
  await harness.server.close();
  return harness.dataDir;
}

interface Loaded {
  /** When each id was answered. */
  readonly answered: ReadonlyMap<string, number>;
  kill(): Promise<number>;
}

/** A server in a process of its own, asked by 8 senders at once until it is killed. */
async function underLoad(dataDir: string, predictionLog: PredictionLogOptions, name: string): Promise<Loaded> {
  const child = startChild('model-server-child.ts', { dataDir, predictionLog });
  onTestFinished(() => child.kill());
  const { address } = await child.next<{ address: string }>();
  const answered = new Map<string, number>();
  const send = async (sender: number): Promise<void> => {
    for (let i = 0; ; i++) {
      const id = `${name}-${sender}-${i}`;
      const body = JSON.stringify({ id, inputs: [floats('x', [[i], [i + 1]])] });
      const response = await fetch(`${address}/v2/models/m/infer`, { method: 'POST', body }).catch(() => undefined);
      if (response === undefined || !(await response.text().catch(() => ''))) return;
      answered.set(id, Date.now());
    }
  };
  const senders = Promise.all(Array.from({ length: 8 }, (_, sender) => send(sender)));
  return {
    answered,
    async kill() {
      const at = Date.now();
      await child.kill();
      await senders;
      return at;
    },
  };
}

describe('a killed server', () => {
  it('leaves every row of an answer older than 200 ms, each once, whatever it was doing', async () => {
    const dataDir = await prepared();
    const owed: string[] = [];
    const possible = new Set<string>();
    // Small segments are closed and compacted all the time; kills fall into every part of that.
    for (let round = 0; round < 3; round++) {
      const server = await underLoad(dataDir, { segmentBytes: 20_000 }, `r${round}`);
      await vi.waitFor(() => expect(server.answered.size).toBeGreaterThan(300 + round * 150), { timeout: 30_000 });
      const killedAt = await server.kill();
      for (const [id, at] of server.answered) {
        possible.add(id);
        if (at < killedAt - 200) owed.push(id);
      }
    }
    const rows = await loggedRows(dataDir);
    const seen = new Map<string, number>();
    for (const { id, row } of rows) {
      const key = `${String(id)}/${String(row)}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect([...seen].filter(([, times]) => times !== 1)).toEqual([]);
    expect(owed.length).toBeGreaterThan(500);
    const missing = owed.filter((id) => !seen.has(`${id}/0`) || !seen.has(`${id}/1`));
    expect([missing.length, missing.slice(0, 5)]).toEqual([0, []]);
    expect((await filesOf(dataDir)).some((name) => name.endsWith('.parquet'))).toBe(true);
  });
});

describe('what a killed server leaves', () => {
  /** A closed log of three rows, as JSONL. */
  async function closedLog(): Promise<{ dataDir: string; folder: string; stem: string }> {
    const harness = await serve();
    await deploy(harness, 'iris-v1');
    for (const id of ['a', 'b', 'c']) await predictIris(harness, id);
    await harness.server.close();
    const folder = logFolder(harness.dataDir, 'm');
    const [name = ''] = await filesOf(harness.dataDir);
    return { dataDir: harness.dataDir, folder, stem: name.replace('.jsonl', '') };
  }
  const ids = async (dataDir: string) => (await loggedRows(dataDir)).map(({ id }) => id);

  it('may end with half a line, which is skipped; the next server begins a segment of its own', async () => {
    const { dataDir, folder, stem } = await closedLog();
    await appendFile(join(folder, `${stem}.jsonl`), '{"id":"d","row":0,"at":17');
    expect(await ids(dataDir)).toEqual(['a', 'b', 'c']);
    const second = await serve({ dataDir });
    await second.server.ready;
    await predictIris(second, 'e');
    await second.server.close();
    expect(await ids(dataDir)).toEqual(['a', 'b', 'c', 'e']);
    expect((await filesOf(dataDir)).length).toBe(2);
  });

  it('may be a segment that was begun and has no whole first line', async () => {
    const { dataDir, folder, stem } = await closedLog();
    await writeFile(join(folder, `${stem.slice(0, -1)}x.jsonl`), '{"layout":{"fea');
    expect(await ids(dataDir)).toEqual(['a', 'b', 'c']);
  });

  it('may be a draft, a Parquet file beside its JSONL, and old segments, which the next server tidies up', async () => {
    const { dataDir, folder, stem } = await closedLog();
    // Older than any segment that another process could still write to.
    const old = `predictions-${String(Date.now() - 3_600_000).padStart(15, '0')}-${stem.split('-').slice(2).join('-')}`;
    const text = await readFile(join(folder, `${stem}.jsonl`), 'utf8');
    await writeFile(join(folder, `${old}.jsonl`), text.replaceAll('"id":"', '"id":"old-'));
    await writeFile(join(folder, `${old}.123.draft`), 'half a Parquet file');
    await utimes(join(folder, `${old}.123.draft`), 1, 1);
    const both = ['a', 'b', 'c', 'old-a', 'old-b', 'old-c'];
    expect(await ids(dataDir)).toEqual(both);
    const { server } = await serve({ dataDir });
    await server.ready;
    await vi.waitFor(async () => expect(await readdir(folder)).toContain(`${old}.parquet`), { timeout: 20_000 });
    await server.close();
    expect((await readdir(folder)).toSorted()).toEqual([`${old}.parquet`, `${stem}.jsonl`].toSorted());
    expect(await ids(dataDir)).toEqual(both);
    // Killed between the rename and the removal.
    await writeFile(join(folder, `${old}.jsonl`), text.replaceAll('"id":"', '"id":"old-'));
    expect(await ids(dataDir)).toEqual(both);
    const third = await serve({ dataDir });
    await third.server.ready;
    await vi.waitFor(async () => expect(await readdir(folder)).not.toContain(`${old}.jsonl`), { timeout: 20_000 });
    await third.server.close();
    expect(await ids(dataDir)).toEqual(both);
  });
});
