import { execFileSync } from 'node:child_process';
import { seeded } from '../../test/support/random.js';
import { type BenchRow, quantile, spread } from '../support/report.js';
import type { Arena } from './arena.js';
import { waiting } from './many/models.js';
import { pause, toFirstStep, untilUsed } from './signal.js';

const seed = 20261122;
const atOnce = 20;

/**
 * Models that each wait for their second batch on one worker, which keeps 300 of them in memory: its resident set, and
 * how soon one of them begins, most of them by replay.
 */
export async function waitingRows(
  arena: Arena,
  { models: count, wakes }: { readonly models: number; readonly wakes: number },
): Promise<readonly BenchRow[]> {
  const { evertrain, receiver, say } = arena;
  const worker = await arena.worker('many');
  const rssBefore = rssMb(worker.pid);
  const models = waiting.slice(0, count).map((definition) => evertrain.model(definition));
  const sending = models.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const model of sending) {
        const id = `${model.name}/first`;
        await model.dataArrived({ id, uri: `file:/${id}`, rows: 1, attributes: { receiver: receiver.url } });
        while ((await model.state({ within: '60s' })).data?.waiting.length !== 1) await pause(20);
      }
    }),
  );
  say(`${count} models wait`);
  const rss = rssMb(worker.pid);
  const random = seeded(seed);
  const sample = models.map((model) => [random(), model] as const).sort(([a], [b]) => a - b);
  const latencies: number[] = [];
  for (const [, model] of sample.slice(0, wakes)) {
    latencies.push(await toFirstStep(arena, model, 2));
    await untilUsed(model, 2);
  }
  await worker.stop();
  const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  const who = `${count.toLocaleString('en')} models waiting`;
  return [
    { name: "no model, worker's RSS", value: rssBefore, unit: 'MB' },
    { name: `${who}, worker's RSS`, value: rss, unit: 'MB', ratio: rss / rssBefore },
    { name: `${who}, one wakes, p50`, value: p50, unit: 'ms', spread: spread(latencies) },
    { name: `${who}, one wakes, p99`, value: p99, unit: 'ms', goal: '≤ 500 ms', ok: p99 <= 500 },
  ];
}

function rssMb(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) / 1_024;
}
