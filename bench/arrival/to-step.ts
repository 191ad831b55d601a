import { type BenchRow, quantile, spread } from '../support/report.js';
import type { Arena } from './arena.js';
import { quick } from './contracts.js';
import { toFirstStep, untilUsed } from './signal.js';

const warmUps = 5;

/** Signal → first step: a model, and in turns with it workflows by hand that start one activity, by themselves or by a run. */
export async function latencyRows(
  arena: Arena,
  signals: number,
): Promise<{ readonly rows: readonly BenchRow[]; readonly p50: number }> {
  const { evertrain, say } = arena;
  const worker = await arena.worker();
  const byHand = ['reacts', 'reactsByRun'] as const;
  const raw = await Promise.all(byHand.map((workflow) => rawReceiver(arena, workflow)));
  const model = evertrain.model(quick);
  const ours: number[] = [];
  const theirs = raw.map((): number[] => []);
  for (let round = 1; round <= warmUps + signals; round++) {
    for (const [which, one] of raw.entries()) {
      const floor = await toFirstStep(arena, one, round);
      if (round > warmUps) theirs[which]?.push(floor);
    }
    const latency = await toFirstStep(arena, model, round);
    await untilUsed(model, round);
    if (round > warmUps) ours.push(latency);
  }
  for (const one of raw) await one.end();
  await worker.stop();
  const [p50, p99] = [quantile(ours, 0.5), quantile(ours, 0.99)];
  const [direct = [], run = []] = theirs;
  const [run50, run99] = [quantile(run, 0.5), quantile(run, 0.99)];
  say(`signal → first step: ${p50} ms, raw ${quantile(direct, 0.5)} ms, raw by a run of its own ${run50} ms`);
  const rows = [
    { name: 'signal → activity, raw SDK, p50', value: quantile(direct, 0.5), unit: 'ms', spread: spread(direct) },
    { name: 'signal → child run → activity, raw SDK, p50', value: run50, unit: 'ms', spread: spread(run) },
    { name: 'signal → child run → activity, raw SDK, p99', value: run99, unit: 'ms' },
    {
      ...{ name: 'data → first step of the retraining, p50', value: p50, unit: 'ms', spread: spread(ours) },
      ...{ ratio: p50 / run50, goal: '≤ 50 ms', ok: p50 <= 50 },
    },
    {
      ...{ name: 'data → first step of the retraining, p99', value: p99, unit: 'ms' },
      ...{ ratio: p99 / run99, goal: '≤ 250 ms', ok: p99 <= 250 },
    },
  ];
  return { rows, p50 };
}

/** A workflow by hand that takes data as the model does. */
async function rawReceiver({ evertrain, receiver }: Arena, workflow: string) {
  const workflowId = `raw-${workflow}`;
  const handle = await evertrain.client.workflow.start(workflow, { taskQueue: 'raw', workflowId });
  return {
    name: workflowId,
    dataArrived: ({ id }: { id: string }) => handle.signal('go', { receiver: receiver.url, id }),
    end: () => handle.terminate(),
  };
}
