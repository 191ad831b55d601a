import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { deployToServer } from '../../activities/deployment/deploy-to-server.js';
import { openStorage } from '../../activities/sdk/storage.js';
import { startChild } from '../../test/support/child-process.js';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { type BenchOptions, type BenchRow, median, quantile, spread } from '../support/report.js';
import type { LoadOrder } from './load.js';
import { type Measured, underLoad } from './measure.js';
import { mlflowRows } from './mlflow.js';

/** Requests that were under way until so long after a swap was answered count as those of the swap. */
const afterSwapMs = 100;
const betweenSwapsMs = 400;

/**
 * Single-row requests to the model server, its log of predictions on, from a load generator on the same machine: how many, how fast,
 * and how much slower while one version takes over from another. MLflow's server of the same model beside it, where it
 * can be installed.
 */
export async function bench(say: (line: string) => void, { smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const server = startChild('../../bench/serving/server.ts', { dataDir });
  try {
    const { address } = await server.next<{ address: string }>();
    const versions = await Promise.all(['iris-v1', 'iris-v2'].map((name) => stored(dataDir, name)));
    const swap = swapper(address, versions);
    await swap();
    const body = JSON.stringify({
      inputs: [{ name: 'X', shape: [1, 4], datatype: 'FP32', data: [5.1, 3.5, 1.4, 0.2] }],
    });
    const load = { connections: 16, seconds: smoke ? 2 : 10 };
    const order = { ...load, url: `${address}/v2/models/iris/infer`, body };
    const rounds: Measured[] = [];
    for (let round = 0; round <= (smoke ? 1 : 5); round++) {
      const measured = await underLoad(order);
      const { perSecond, p50, p99 } = measured;
      const figures = `${perSecond.toFixed(0)} requests/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`;
      say(`round ${round}${round === 0 ? ' (warm-up)' : ''}: ${figures}`);
      if (round > 0) rounds.push(measured);
    }
    const swaps = await swapRow(order, swap, smoke ? 2 : 20, say);
    const ours = rounds.toSorted((a, b) => a.perSecond - b.perSecond)[Math.floor(rounds.length / 2)] as Measured;
    return [...steadyRows(rounds), swaps, ...(await mlflowRows(load, ours, say))];
  } finally {
    await server.kill();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function steadyRows(rounds: readonly Measured[]): readonly BenchRow[] {
  const row = (name: string, unit: string, values: readonly number[]): BenchRow => ({
    ...{ name, unit, value: median(values), spread: spread(values) },
  });
  const rates = rounds.map(({ perSecond }) => perSecond);
  return [
    { ...row('requests', '/s', rates), goal: '≥ 2,000/s', ok: median(rates) >= 2_000 },
    row(
      'latency, p50',
      'ms',
      rounds.map(({ p50 }) => p50),
    ),
    row(
      'latency, p99',
      'ms',
      rounds.map(({ p99 }) => p99),
    ),
  ];
}

/** p99 of the requests that a swap touched against p99 of the others of the same load. */
async function swapRow(
  order: LoadOrder,
  swap: () => Promise<void>,
  count: number,
  say: (line: string) => void,
): Promise<BenchRow> {
  const swaps: (readonly [fromMs: number, toMs: number])[] = [];
  const seconds = Math.max(order.seconds, ((count + 2) * (betweenSwapsMs + afterSwapMs)) / 1000);
  const { fromMs, latencyMs } = await underLoad({ ...order, seconds }, async () => {
    for (let i = 0; i < count; i++) {
      await delay(betweenSwapsMs);
      const from = now();
      await swap();
      swaps.push([from, now() + afterSwapMs]);
    }
  });
  const touched: number[] = [];
  const others: number[] = [];
  for (const [i, ms] of latencyMs.entries()) {
    const from = fromMs[i] ?? Number.NaN;
    const isTouched = swaps.some(([start, end]) => from <= end && from + ms >= start);
    (isTouched ? touched : others).push(ms);
  }
  const [during, before] = [quantile(touched, 0.99), quantile(others, 0.99)];
  say(`p99 during ${count} swaps ${during.toFixed(2)} ms (${touched.length} requests), else ${before.toFixed(2)} ms`);
  const ratio = during / before;
  return { name: 'latency during a swap, p99', value: during, unit: 'ms', ratio, goal: '≤ 3 ×', ok: ratio <= 3 };
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

async function stored(dataDir: string, name: string): Promise<Artifact> {
  const path = fileURLToPath(new URL(`../../test/fixtures/onnx/${name}.onnx`, import.meta.url));
  return openStorage(dataDir).store.put({ path }, 'application/onnx');
}

/** Each call promotes the other version. */
function swapper(address: string, versions: readonly Artifact[]): () => Promise<void> {
  let revision = 0;
  return async () => {
    const artifact = versions[++revision % versions.length] as Artifact;
    const producedBy = { workflowId: 'bench', runId: 'bench' };
    await deployToServer(address, { model: 'iris', version: String(revision), revision, artifact, producedBy });
  };
}
