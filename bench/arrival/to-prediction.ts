import { modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { type BenchRow, quantile, spread } from '../support/report.js';
import type { Arena } from './arena.js';
import { served } from './contracts.js';
import { untilUsed } from './signal.js';

const pollMs = 2;
const withinMs = 60_000;

/** Signal → first prediction that the model server answers by the new version, and how often a person had to act. */
export async function servedRows(arena: Arena, rounds: number): Promise<readonly BenchRow[]> {
  const { evertrain, receiver, say } = arena;
  const worker = await arena.worker();
  const model = evertrain.model(served);
  const latencies: number[] = [];
  for (let round = 1; round <= rounds + 1; round++) {
    const id = `served/${round}`;
    const sent = Date.now();
    await model.dataArrived({ id, uri: `file:/${id}`, rows: round, attributes: { receiver: receiver.url } });
    await answeredBy(arena, String(round), sent + withinMs);
    const latency = Date.now() - sent;
    const { champion } = await untilUsed(model, round);
    if (champion !== String(round)) throw new Error(`version ${champion} is the champion after round ${round}`);
    if (round > 1) latencies.push(latency);
  }
  const orders = await ordersOf(arena);
  await worker.stop();
  const [p50, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  say(`signal → prediction: ${p50} ms`);
  return [
    { name: 'data → first prediction, p50', value: p50, unit: 'ms', spread: spread(latencies) },
    { name: 'data → first prediction, p99', value: p99, unit: 'ms' },
    { name: 'orders of people on the way', value: orders, unit: 'orders', goal: '0', ok: orders === 0 },
  ];
}

async function answeredBy({ modelServer }: Arena, version: string, deadline: number): Promise<void> {
  const inputs = [{ name: 'X', shape: [1, 4], datatype: 'FP32', data: [5.1, 3.5, 1.4, 0.2] }];
  for (;;) {
    const answer = await fetch(`${modelServer}/v2/models/${served.name}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ inputs }),
    });
    const found = (await answer.json()) as { model_version?: string; error?: string };
    if (answer.ok && found.model_version === version) return;
    if (Date.now() > deadline) throw new Error(`version ${version} does not answer: ${JSON.stringify(found)}`);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

/** Trainings, promotions and the like that people order are updates of the model's workflow. */
async function ordersOf({ evertrain }: Arena): Promise<number> {
  const { events } = await evertrain.client.workflow.getHandle(modelWorkflowId(served.name)).fetchHistory();
  return (events ?? []).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes).length;
}
