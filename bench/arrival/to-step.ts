import { type BenchRow, quantile, spread } from '../support/report.js';
import type { Arena } from './arena.js';
import { quick } from './contracts.js';
import { toFirstStep, untilUsed } from './signal.js';

const warmUps = 5;

/** Signal → first step: a model, and in turns with it a raw workflow that starts one activity. */
export async function latencyRows(
  arena: Arena,
  signals: number,
): Promise<{ readonly rows: readonly BenchRow[]; readonly p50: number }> {
  const { evertrain, receiver, say } = arena;
  const worker = await arena.worker();
  const handle = await evertrain.client.workflow.start('reacts', { taskQueue: 'raw', workflowId: 'raw-reacts' });
  const model = evertrain.model(quick);
  const raw = {
    name: 'raw',
    dataArrived: ({ id }: { id: string }) => handle.signal('go', { receiver: receiver.url, id }),
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 1; round <= warmUps + signals; round++) {
    const floor = await toFirstStep(arena, raw, round);
    const latency = await toFirstStep(arena, model, round);
    await untilUsed(model, round);
    if (round <= warmUps) continue;
    theirs.push(floor);
    ours.push(latency);
  }
  await handle.terminate();
  await worker.stop();
  const [p50, p99] = [quantile(ours, 0.5), quantile(ours, 0.99)];
  const [floor50, floor99] = [quantile(theirs, 0.5), quantile(theirs, 0.99)];
  say(`signal → first step: ${p50} ms, raw ${floor50} ms`);
  const rows = [
    { name: 'signal → activity, raw SDK, p50', value: floor50, unit: 'ms', spread: spread(theirs) },
    { name: 'signal → activity, raw SDK, p99', value: floor99, unit: 'ms' },
    {
      ...{ name: 'data → first step of the retraining, p50', value: p50, unit: 'ms', spread: spread(ours) },
      ...{ ratio: p50 / floor50, goal: '≤ 50 ms', ok: p50 <= 50 },
    },
    {
      ...{ name: 'data → first step of the retraining, p99', value: p99, unit: 'ms' },
      ...{ ratio: p99 / floor99, goal: '≤ 250 ms', ok: p99 <= 250 },
    },
  ];
  return { rows, p50 };
}
