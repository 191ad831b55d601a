import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch } from '../../workflows/sdk/model/batch.js';
import { modelMessages, modelWorkflowId } from '../../workflows/sdk/model/messages.js';
import { learner } from '../fixtures/durability/model.js';
import type { DurableProject } from './durable-project.js';
import { checkLives, type ModelLife } from './model-lives.js';
import { seeded } from './random.js';

export interface ArrivalOptions {
  /** How many batches are sent; a share of `duplicates` of them says again what another one says. */
  readonly sent: number;
  readonly duplicates: number;
  /** Of what is sent, so many have their training rejected by its gate; and as many are no batch at all. */
  readonly spoilt: number;
  readonly senders: number;
  /** Over which the senders are spread: each gathers for itself what is sent over it. */
  readonly connections?: number;
  /** How long a sender pauses at most after each batch; default 200 ms. */
  readonly pauseMs?: number;
  /** Which share of the batches goes in signals of their own, as Temporal's own client sends them. */
  readonly alone: number;
  /** Kills of the worker, spread over the sending: of what comes between two, half comes while there is no worker. */
  readonly kills: number;
  readonly seed: number;
}

export interface Arrivals {
  readonly batches: number;
  readonly trainings: number;
  readonly used: number;
  readonly rejected: number;
  /** Steps begun again. */
  readonly repeated: number;
  readonly lives: readonly ModelLife[];
  readonly failures: readonly string[];
}

interface Training {
  readonly outcome: string;
  readonly ids: readonly string[];
}

/**
 * Sends batches to the model `learner` in random order while its worker is killed, and asks the trainings, not the model,
 * what became of them: every batch was used by exactly one version or rejected.
 */
export async function arrivals(fixture: DurableProject, options: ArrivalOptions): Promise<Arrivals> {
  const { duplicates, spoilt, senders, connections = 1, pauseMs = 200, alone, kills, seed } = options;
  const random = seeded(seed);
  const model = fixture.evertrain.model(learner);
  const twice = Math.round(options.sent * duplicates);
  const ids = Array.from(
    { length: options.sent - twice - spoilt },
    (_, n) => `${n < spoilt ? 'poor' : 'batch'}-${String(n)}`,
  );
  const none = Array.from({ length: spoilt }, (_, n) => `none-${n}`);
  const shuffled = (list: readonly string[]) =>
    list
      .map((id) => [random(), id] as const)
      .sort(([a], [b]) => a - b)
      .map(([, id]) => id);
  // The first one starts the model.
  const [first = '', ...rest] = ids;
  const sent = [first, ...shuffled([...rest, ...shuffled(ids).slice(0, twice), ...none])];
  let told = 0;
  const raw = fixture.evertrain.client.workflow.getHandle(modelWorkflowId(learner.name));
  const others = await Promise.all(Array.from({ length: connections - 1 }, () => fixture.engine.connect()));
  const ways = [model, ...others.map((other) => other.model(learner))];
  const send = async (id: string, way: number) => {
    const batch = batchOf(fixture, id);
    if (id.startsWith('none-')) await raw.signal(modelMessages.data, { ...batch, rows: -1 });
    else if (random() < alone) await raw.signal(modelMessages.data, batch);
    else await ways[way % ways.length]?.dataArrived(batch);
    told++;
  };
  let worker = await fixture.worker();
  await model.dataArrived(batchOf(fixture, first));
  told++;
  const portion = options.sent / (2 * kills + 1);
  let allowed = portion;
  const sending = Array.from({ length: senders }, async (_, sender) => {
    const pace = seeded(seed + sender);
    for (let n = sender + 1; n < sent.length; n += senders) {
      await send(sent[n] as string, sender);
      do await sleep(pace() * pauseMs);
      while (told >= allowed);
    }
  });
  // A worker that replays is asked in vain.
  const answer = async () => {
    for (const end = Date.now() + 120_000; ; await sleep(250)) {
      try {
        return await model.state({ within: '30s' });
      } catch (error) {
        if (Date.now() < end) continue;
        const { historyLength, raw: described } = await raw.describe();
        const task = JSON.stringify(described.pendingWorkflowTask);
        throw new Error(`the model does not answer, at ${historyLength} events, task ${task}`, { cause: error });
      }
    }
  };
  for (let n = 0; n < kills; n++) {
    while (told < allowed) await sleep(10);
    await answer();
    await sleep(random() * 2_500);
    await worker.kill();
    allowed += portion;
    worker = await fixture.worker();
    allowed += portion;
  }
  allowed = Number.POSITIVE_INFINITY;
  await Promise.all(sending);
  await Promise.all(others.map((other) => other.close()));
  const failures: string[] = [];
  let now = await answer();
  for (const end = Date.now() + 120_000; Date.now() < end; now = await answer()) {
    const { waiting = [], inTraining = [] } = now.data ?? {};
    if (now.training === undefined && waiting.length === 0 && inTraining.length === 0) break;
    await sleep(500);
  }
  const { trainings, repeated, wrong } = await trainingsOf(fixture, now.data?.trainings ?? 0);
  failures.push(...wrong, ...accounts(ids, trainings));
  const { counts, waiting = [], inTraining = [] } = now.data ?? {};
  const uses = trainings.filter(({ outcome }) => outcome === 'completed');
  const used = uses.flatMap((one) => one.ids).length;
  const rejected = trainings.filter(({ outcome }) => outcome === 'rejected').flatMap((one) => one.ids).length + spoilt;
  const wanted = { received: ids.length, duplicates: twice, used, rejected, rows: 3 * ids.length };
  if (JSON.stringify(counts) !== JSON.stringify(wanted)) {
    failures.push(`the model counts ${JSON.stringify(counts)}, not ${JSON.stringify(wanted)}`);
  }
  if (waiting.length + inTraining.length > 0) failures.push(`${waiting.length} wait, ${inTraining.length} train`);
  if (now.nextVersion - 1 !== uses.length) {
    failures.push(`${now.nextVersion - 1} versions of ${uses.length} completed trainings`);
  }
  const { lives, failures: lost } = await checkLives(fixture, learner.name, now);
  failures.push(...lost);
  await worker.stop();
  return { batches: ids.length, trainings: trainings.length, used, rejected, repeated, lives, failures };
}

function batchOf({ effects }: DurableProject, id: string): Batch {
  return { id, uri: `file:/${id}`, rows: 3, attributes: { effects: effects.url } };
}

/** Every training that data started, as its own run tells it. */
async function trainingsOf({ evertrain, effects }: DurableProject, count: number) {
  const trainings: Training[] = [];
  const wrong: string[] = [];
  let repeated = 0;
  for (let n = 1; n <= count; n++) {
    const run = evertrain.attach(`${learner.pipeline.name}/${learner.name}/data-${n}`);
    const { status, input, steps } = await run.view();
    const { ids } = input as { ids: string[] };
    trainings.push({ outcome: status.kind, ids });
    for (const { input: told, attempt } of steps) {
      const { key } = told as { key: string };
      const begun = effects.begun(key);
      repeated += begun - 1;
      const attempts = typeof attempt === 'number' ? attempt : 1;
      if (effects.count(key) < 1 || effects.count(key) > begun || begun > attempts) {
        wrong.push(`${key} began ${begun} times and had ${effects.count(key)} effects in ${attempts} attempts`);
      }
    }
    const hasPoor = ids.some((id) => id.startsWith('poor'));
    if (status.kind !== (hasPoor ? 'rejected' : 'completed')) wrong.push(`training ${n} is ${status.kind}`);
  }
  return { trainings, repeated, wrong };
}

/** The windows of all trainings are disjoint, and together they are all batches. */
function accounts(ids: readonly string[], trainings: readonly Training[]): string[] {
  const times = new Map(ids.map((id) => [id, 0]));
  for (const id of trainings.flatMap((one) => one.ids)) times.set(id, (times.get(id) ?? -99) + 1);
  const odd = [...times].filter(([, count]) => count !== 1);
  const examples = odd.slice(0, 5).map(([id, count]) => `${id} ${count} times`);
  return odd.length === 0 ? [] : [`${odd.length} batches were not trained on once: ${examples.join(', ')}`];
}
