import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import proto, { type temporal } from '@temporalio/proto';
import { z } from 'zod';
import { implement } from '../../activities/sdk/implement.js';
import { configurePython, pythonEnvironment } from '../../activities/sdk/jobs/python-environment.js';
import { implementPython } from '../../activities/sdk/jobs/implement-python.js';
import { connect } from '../../client/connect.js';
import { fetchHistory } from '../../client/history/fetch.js';
import { projectRun } from '../../client/history/project-run.js';
import { replayHistory } from '../../test/support/histories.js';
import { spawnWorker } from '../../test/support/spawn-worker.js';
import { testContext } from '../../test/support/step-context.js';
import { startTestEngine } from '../../test/support/test-engine.js';
import { bundleProject, saveBundle } from '../../worker/bundle.js';
import { createWorker } from '../../worker/create-worker.js';
import { installRuntime } from '../../worker/log.js';
import { ensurePython } from '../../worker/setup/python.mjs';
import { step } from '../../workflows/sdk/index.js';
import { fibo as fiboStep, stamp, wide } from '../overhead/contracts.js';
import { fibo } from '../support/fibo.js';
import { type BenchRow, median, spread } from '../support/report.js';

const rounds = 5;
const items = 5_000;
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** A Python trial through the warm host against a script; a worker's start; replay and projection of a long history. */
export async function bench(say: (line: string) => void): Promise<readonly BenchRow[]> {
  installRuntime('ERROR');
  // The trial's step comes last: a worker wants every step that its process has defined to be implemented.
  return [...(await longHistory(say)), await workerStart(say), ...(await trials(say))];
}

/** What is not the fit itself: starting, importing, passing input and output. */
async function trials(say: (line: string) => void): Promise<BenchRow[]> {
  configurePython((requirements) => ensurePython(requirements === undefined ? {} : { requirements }));
  const script = file('./trial.py');
  const { python } = await pythonEnvironment(script, {});
  const trial = step('bench.trial', { output: z.object({ accuracy: z.number(), fit_ms: z.number() }) });
  const implementation = implementPython(trial, `${script}:fit`);
  const context = await testContext();
  const job = async () => (await implementation.run({ trees: 10 }, context)) as { fit_ms: number };
  const alone = async () => {
    const { stdout } = await promisify(execFile)(python, [script, '10']);
    return JSON.parse(stdout) as { fit_ms: number };
  };
  const ours: number[] = [];
  const raw: number[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      const [a, b] = [await overheadOf(alone), await overheadOf(job)];
      say(`trial round ${round}${round === 0 ? ' (warm-up)' : ''}: script ${a.toFixed(0)} ms, job ${b.toFixed(0)} ms`);
      if (round > 0) raw.push(a);
      if (round > 0) ours.push(b);
    }
  } finally {
    await implementation.close();
    await context.remove();
  }
  const ratio = median(raw.map((value, round) => value / (ours[round] ?? Number.NaN)));
  return [
    { name: 'Python trial, overhead of `python script.py`', value: median(raw), unit: 'ms', spread: spread(raw) },
    {
      name: 'Python trial, overhead through the warm host',
      value: median(ours),
      unit: 'ms',
      spread: spread(ours),
      ratio,
      goal: '≥ 10 × less',
      ok: ratio >= 10,
    },
  ];
}

async function overheadOf(work: () => Promise<{ fit_ms: number }>): Promise<number> {
  const from = performance.now();
  const { fit_ms: fitMs } = await work();
  return performance.now() - from - fitMs;
}

async function longHistory(say: (line: string) => void): Promise<BenchRow[]> {
  const engine = await startTestEngine();
  const bundle = await bundleProject(file('../overhead/workflows.ts'));
  const { address, dataDir } = engine;
  const activities = [
    implement(fiboStep, ({ n }) => ({ value: fibo(n) })),
    implement(stamp, ({ at }) => ({ ms: Date.now() - at })),
  ];
  const worker = await createWorker({
    workflows: file('../overhead/workflows.ts'),
    activities,
    address,
    dataDir,
    bundle,
  });
  const serving = worker.run();
  const evertrain = await connect({ address });
  try {
    const run = await evertrain.start(wide, { items }, { provenance: false });
    await run.result();
    const history = await fetchHistory(evertrain.client, run.workflowId);
    const events = history.events?.length ?? 0;
    say(`a fan-out of ${items}: ${events} events`);
    const replays = await repeated(() => replayHistory(bundle, history));
    const projections = await repeated(async () => projectRun({ history }));
    const rates = replays.map((ms) => (1_000 * events) / ms);
    const scaled = projections.map((ms) => (ms * 20_000) / events);
    const grown = await projectionMb(history, events);
    return [
      {
        name: `replay of ${events} events`,
        value: median(rates),
        unit: 'events/s',
        spread: spread(rates),
        goal: '≥ 1,500 events/s',
        ok: median(rates) >= 1_500,
      },
      {
        name: 'projection, for 20,000 events',
        value: median(scaled),
        unit: 'ms',
        spread: spread(scaled),
        goal: '≤ 300 ms',
        ok: median(scaled) <= 300,
      },
      {
        name: 'projection, for 20,000 events, by how much a process grows at most',
        value: median(grown),
        unit: 'MB',
        spread: spread(grown),
        goal: '≤ 100 MB',
        ok: median(grown) <= 100,
      },
    ];
  } finally {
    worker.shutdown();
    await serving;
    await evertrain.close();
    await engine.stop();
  }
}

/** Of a fresh process each, that reads the history from a file first; scaled. */
async function projectionMb(history: temporal.api.history.v1.IHistory, events: number): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  try {
    const path = join(folder, 'history');
    await writeFile(path, proto.temporal.api.history.v1.History.encode(history).finish());
    const found: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { stdout } = await promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        file('./project-history.ts'),
        path,
      ]);
      found.push(((JSON.parse(stdout) as { grown: number }).grown * 20_000) / events);
    }
    return found;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** From the start of the process to taking work, of the durability fixture's project with its bundle built before. */
async function workerStart(say: (line: string) => void): Promise<BenchRow> {
  const engine = await startTestEngine();
  const folder = await mkdtemp(join(tmpdir(), 'evertrain-bench-'));
  const project = file('../../test/fixtures/durability');
  const bundle = await saveBundle(await bundleProject(join(project, 'workflows.ts')), folder);
  const { address, dataDir } = engine;
  try {
    const times = await repeated(async () => (await spawnWorker({ project, address, dataDir, bundle })).kill());
    say(`worker starts: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
    return {
      name: 'worker process, start to serving, prebuilt bundle',
      value: median(times),
      unit: 'ms',
      spread: spread(times),
      goal: '≤ 1,500 ms',
      ok: median(times) <= 1_500,
    };
  } finally {
    await engine.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function repeated(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const from = performance.now();
    await work();
    if (round > 0) times.push(performance.now() - from);
  }
  return times;
}
