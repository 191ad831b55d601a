import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { implement } from '../../activities/sdk/implement.js';
import { connect } from '../../client/connect.js';
import { createWorker } from '../../worker/create-worker.js';
import { provision } from '../../worker/engine/provision.js';
import { startEngine } from '../../worker/engine/start-engine.js';
import { installRuntime } from '../../worker/log.js';
import { ensureTemporal } from '../../worker/setup/temporal.mjs';
import { fibo } from '../support/fibo.js';
import { rawOptions } from '../support/raw-worker.js';
import { type BenchRow, median, quantile, spread } from '../support/report.js';
import { chain, fibo as fiboStep, lightChain, lightFibo, reacts, stamp, wide } from './contracts.js';

/** A worker lives long: what its compiler does in the first runs is not what a run costs. */
const warmUps = 8;
const rounds = 10;
const none: Cost = { wall: 0, cpu: 0 };
const chainSteps = 40;
const wideItems = 500;
const signals = 100;

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * What Evertrain's layer costs: the same chain and fan-out through it and by hand on the raw SDK, in turns, on one
 * server with the same worker options; the chain on a stock dev server beside it; and signal → first activity.
 */
export async function bench(say: (line: string) => void): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  const tuned = await measureOn(false, rounds, say);
  const stock = await measureOn(true, 2, say);
  return [
    ...against('chain of 40', tuned.ours.chain, tuned.raw.chain),
    ...perLightStep(tuned.ours.light, tuned.raw.light),
    ...against('fan-out of 500', tuned.ours.wide, tuned.raw.wide),
    {
      name: 'chain of 40, raw SDK, stock dev server',
      value: median(walls(stock.raw.chain)),
      unit: 'ms',
      spread: spread(walls(stock.raw.chain)),
      ratio: median(walls(stock.raw.chain)) / median(walls(tuned.raw.chain)),
      goal: 'tuned ≥ 4 × faster',
      ok: median(walls(stock.raw.chain)) / median(walls(tuned.raw.chain)) >= 4,
    },
    {
      name: 'signal → first activity, p50',
      value: quantile(tuned.latencies, 0.5),
      unit: 'ms',
      goal: '≤ 20 ms',
      ok: quantile(tuned.latencies, 0.5) <= 20,
    },
    { name: 'signal → first activity, p99', value: quantile(tuned.latencies, 0.99), unit: 'ms' },
  ];
}

const goals = { wall: 1.15, cpu: 1.25 } as const;

/** Wall time, and CPU time of the process that holds worker and client, which is the same for both. */
function against(name: string, ours: readonly Cost[], raw: readonly Cost[]): BenchRow[] {
  return (['wall', 'cpu'] as const).flatMap((kind) => {
    const [mine, theirs] = [ours.map((cost) => cost[kind]), raw.map((cost) => cost[kind])];
    const ratio = median(mine.map((value, round) => value / (theirs[round] ?? Number.NaN)));
    const what = kind === 'cpu' ? `${name}, CPU` : name;
    return [
      { name: `${what}, raw SDK`, value: median(theirs), unit: 'ms', spread: spread(theirs) },
      {
        name: `${what}, Evertrain`,
        value: median(mine),
        unit: 'ms',
        spread: spread(mine),
        ratio,
        goal: `≤ ${goals[kind]} × raw`,
        ok: ratio <= goals[kind],
      },
    ];
  });
}

function perLightStep(ours: readonly Cost[], raw: readonly Cost[]): BenchRow[] {
  const name = `chain of ${chainSteps}, light steps`;
  const [mine, theirs] = [ours, raw].map((costs) => walls(costs).map((wall) => wall / chainSteps)) as [
    number[],
    number[],
  ];
  return [
    { name: `${name}, raw SDK`, value: median(theirs), unit: 'ms a step', spread: spread(theirs) },
    {
      name: `${name}, Evertrain`,
      value: median(mine),
      unit: 'ms a step',
      spread: spread(mine),
      ratio: median(mine.map((value, round) => value / (theirs[round] ?? Number.NaN))),
      goal: '≤ 5 ms a step',
      ok: median(mine) <= 5,
    },
  ];
}

const walls = (costs: readonly Cost[]) => costs.map(({ wall }) => wall);

interface Cost {
  /** Milliseconds. */
  readonly wall: number;
  readonly cpu: number;
}

interface Measured {
  readonly ours: { readonly chain: Cost[]; readonly light: Cost[]; readonly wide: Cost[] };
  readonly raw: { readonly chain: Cost[]; readonly light: Cost[]; readonly wide: Cost[] };
  readonly latencies: number[];
}

async function measureOn(stock: boolean, count: number, say: (line: string) => void): Promise<Measured> {
  const dataDir = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const { path: binary } = await ensureTemporal();
  const engine = await startEngine({ dataDir, binary, stock, uiPort: false });
  try {
    const connection = await Connection.connect({ address: engine.address });
    await provision(connection, engine.namespace);
    const measured = await withWorkers(engine.address, dataDir, () =>
      measure(engine.address, connection, stock, count, say),
    );
    await connection.close();
    return measured;
  } finally {
    await engine.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function withWorkers<T>(address: string, dataDir: string, body: () => Promise<T>): Promise<T> {
  const ours = await createWorker({
    workflows: file('./workflows.ts'),
    activities: [
      implement(fiboStep, ({ n }) => ({ value: fibo(n) })),
      implement(lightFibo, ({ n }) => ({ value: fibo(n) })),
      implement(stamp, ({ at }) => ({ ms: Date.now() - at })),
    ],
    address,
    dataDir,
  });
  const connection = await NativeConnection.connect({ address });
  const raw = await Worker.create({
    ...rawOptions,
    connection,
    workflowsPath: file('./raw-workflows.ts'),
    activities: { fibo: async ({ n }: { n: number }) => ({ value: fibo(n) }) },
  });
  const serving = Promise.all([ours.run(), raw.run()]);
  try {
    return await body();
  } finally {
    ours.shutdown();
    raw.shutdown();
    await serving;
    await connection.close();
  }
}

async function measure(
  address: string,
  connection: Connection,
  stock: boolean,
  count: number,
  say: (line: string) => void,
): Promise<Measured> {
  const evertrain = await connect({ address });
  const client = new Client({ connection });
  const raw = (type: string, input: unknown) => () =>
    client.workflow.execute(type, { taskQueue: 'raw', workflowId: `${type}-${Math.random()}`, args: [input] });
  const work = {
    oursChain: () => evertrain.execute(chain, { steps: chainSteps }, { provenance: false }),
    rawChain: raw('chain', { steps: chainSteps }),
    oursWide: () => evertrain.execute(wide, { items: wideItems }, { provenance: false }),
    oursLight: () => evertrain.execute(lightChain, { steps: chainSteps }, { provenance: false }),
    rawLight: raw('lightChain', { steps: chainSteps }),
    rawWide: raw('wide', { items: wideItems }),
  };
  const measured: Measured = {
    ours: { chain: [], light: [], wide: [] },
    raw: { chain: [], light: [], wide: [] },
    latencies: [],
  };
  for (let round = 1 - warmUps; round <= count; round++) {
    const times = {
      rawChain: await timed(work.rawChain),
      oursChain: await timed(work.oursChain),
      rawLight: stock ? none : await timed(work.rawLight),
      oursLight: stock ? none : await timed(work.oursLight),
      rawWide: stock ? none : await timed(work.rawWide),
      oursWide: stock ? none : await timed(work.oursWide),
    };
    say(`${stock ? 'stock' : 'tuned'} round ${round}${round < 1 ? ' (warm-up)' : ''}: ${JSON.stringify(times)}`);
    if (round < 1) continue;
    measured.raw.chain.push(times.rawChain);
    measured.ours.chain.push(times.oursChain);
    measured.raw.light.push(times.rawLight);
    measured.ours.light.push(times.oursLight);
    measured.raw.wide.push(times.rawWide);
    measured.ours.wide.push(times.oursWide);
  }
  if (!stock) measured.latencies.push(...(await signalLatencies(evertrain)));
  await evertrain.close();
  return measured;
}

async function signalLatencies(evertrain: Awaited<ReturnType<typeof connect>>): Promise<number[]> {
  const run = await evertrain.start(reacts, { signals }, { provenance: false });
  const handle = evertrain.client.workflow.getHandle(run.workflowId);
  for (let i = 0; i < signals; i++) {
    await new Promise((wake) => setTimeout(wake, 100));
    await handle.signal('go', { at: Date.now() });
  }
  const result = await run.result();
  return result.outcome === 'completed' ? result.output : [];
}

/** Evertrain writes a run's record after its end: the CPU of that counts, in both, as that of an idle second. */
const settleMs = 1_000;

async function timed(work: () => Promise<unknown>): Promise<Cost> {
  const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
  await work();
  const wall = performance.now() - from;
  await new Promise((wake) => setTimeout(wake, settleMs));
  const { user, system } = process.cpuUsage(cpuFrom);
  return { wall: Math.round(wall), cpu: Math.round((user + system) / 1000) };
}
