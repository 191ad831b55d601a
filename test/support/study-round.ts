import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFirst, decodeObject, eventsOf } from '../../client/history/decode.js';
import { fetchHistory } from '../../client/history/fetch.js';
import { loadBundle } from '../../worker/bundle.js';
import { memo } from '../../workflows/sdk/protocol.js';
import { openScheduler } from '../../workflows/sdk/search/schedulers/open-scheduler.js';
import type { SchedulerOptions } from '../../workflows/sdk/search/scheduler.js';
import type { StudyRecord, TrialEnded } from '../../workflows/sdk/search/study-record.js';
import { trainedTo } from '../fixtures/durability/iris-sgd.js';
import { flowerStudy, schedulers } from '../fixtures/durability/studies.js';
import type { DurableProject } from './durable-project.js';
import { replayHistory } from './histories.js';
import { seeded } from './random.js';

export interface StudyRound {
  readonly trials: number;
  readonly epochs: number;
  /** Epochs that began again after their checkpoint had counted. */
  readonly repeated: number;
  /** Epochs that were cut off in the middle, and begun again. */
  readonly interrupted: number;
  readonly promotions: number;
  readonly study: Readonly<Record<string, unknown>>;
  /** In words; empty where everything held. */
  readonly failures: readonly string[];
}

interface Options {
  readonly under: string;
  readonly trials: number;
  readonly atMost: number;
  readonly scheduler: 'asha' | 'halving';
  readonly workerKills: number;
  readonly engineKills: number;
  readonly seed: number;
}

type Call = Pick<TrialEnded, 'trial' | 'rung'>;

/**
 * A study of iterative trainings whose worker and engine are killed at random moments. Then: no finished epoch was trained
 * again, each trial's curve is that of an undisturbed training, each call of a trial is the decision of the scheduler over
 * the order in which calls had ended, and the history replays.
 */
export async function studyRound(fixture: DurableProject, options: Options): Promise<StudyRound> {
  const { effects, evertrain } = fixture;
  const { under, trials, atMost, scheduler, seed } = options;
  const random = seeded(seed);
  effects.slowDown(() => 10 + random() * 60);
  let worker = await fixture.worker();
  const input = { effects: effects.url, under, trials, atMost, scheduler };
  const run = await evertrain.start(flowerStudy, input, { provenance: false, seed });
  const strikes = [...Array(options.workerKills).fill('worker'), ...Array(options.engineKills).fill('engine')];
  const order = strikes.map((what) => ({ what, at: random() })).sort((a, b) => a.at - b.at);
  for (const { what } of order) {
    const before = effects.begins();
    for (const until = Date.now() + 15_000; effects.begins() < before + 3 && Date.now() < until; ) await sleep(10);
    await sleep(random() * 400);
    if (what === 'worker') {
      await worker.kill();
      worker = await fixture.worker();
    } else {
      await fixture.engine.kill();
      await fixture.engine.restart();
    }
  }
  const result = await run.result();
  effects.slowDown(() => 0);
  await worker.stop();
  const history = await fetchHistory(evertrain.client, run.workflowId, run.runId);
  const { begun, ended, outputs } = callsOf(eventsOf(history));
  const failures = [
    ...decisionsHeld(schedulers[scheduler], trials, atMost, begun, ended),
    ...ended.flatMap((call) => curveHeld(call, outputs.get(keyOf(call)))),
  ];
  await replayHistory(await loadBundle(fixture.bundle), history).catch((error: unknown) => {
    failures.push(`its history does not replay: ${String(error)}`);
  });
  const counted = epochsOf(fixture, under, ended, failures);
  const study = result.outcome === 'completed' ? result.output : { result };
  return { trials, promotions: ended.filter(({ rung }) => rung > 0).length, study, ...counted, failures };
}

/** From the history alone: calls in the order in which they were scheduled and in which the run was told of their ends. */
function callsOf(events: ReturnType<typeof eventsOf>) {
  const begun: Call[] = [];
  const ended: TrialEnded[] = [];
  const outputs = new Map<string, { curve: number[]; seed: number }>();
  const scheduled = new Map<string, string>();
  for (const event of events) {
    const schedule = event.activityTaskScheduledEventAttributes;
    const [, trial, rung = '0'] = /^search\[(\d+)\](?:@(\d+))?\//.exec(schedule?.activityId ?? '') ?? [];
    if (trial !== undefined) {
      begun.push({ trial: Number(trial), rung: Number(rung) });
      scheduled.set(String(event.eventId), `${trial}@${rung}`);
    }
    const completion = event.activityTaskCompletedEventAttributes;
    const key = scheduled.get(String(completion?.scheduledEventId));
    if (key !== undefined) outputs.set(key, decodeFirst(completion?.result) as { curve: number[]; seed: number });
    const fields = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields ?? {};
    const record = decodeObject<StudyRecord>(fields[memo.study]);
    if (record?.event === 'trial') ended.push(record);
  }
  return { begun, ended, outputs };
}

function keyOf({ trial, rung }: Call): string {
  return `${trial}@${rung}`;
}

/** Asks the scheduler again, in the order of the ends that the history recorded. */
function decisionsHeld(
  options: SchedulerOptions,
  trials: number,
  atMost: number,
  begun: readonly Call[],
  ended: readonly TrialEnded[],
): string[] {
  const decided = openScheduler(options, trials);
  const expected: Call[] = [];
  let open = 0;
  const fill = () => {
    while (open < atMost) {
      const move = decided.next();
      if (move.kind === 'wait' || move.kind === 'done') return;
      expected.push({ trial: move.trial, rung: move.kind === 'start' ? 0 : move.rung });
      open++;
    }
  };
  fill();
  for (const { trial, rung, values } of ended) {
    decided.ended({ trial, rung, ...(values === undefined ? {} : { value: -(values[0] as number) }) });
    open--;
    fill();
  }
  // Ends that the run was told of together lead to calls of one moment, whose order says nothing.
  const [was, should] = [begun, expected].map((calls) => calls.map(keyOf).sort().join(' '));
  return was === should ? [] : [`calls were ${was}, and should have been ${should}`];
}

function curveHeld(call: TrialEnded, output: { curve: number[]; seed: number } | undefined): string[] {
  if (output === undefined) return [`${keyOf(call)} has no output`];
  const params = call.params as { rate: number; decay: number };
  const undisturbed = trainedTo(call.budget as number, params, output.seed).curve;
  const same = JSON.stringify(output.curve) === JSON.stringify(undisturbed) && call.values?.[0] === undisturbed.at(-1);
  return same ? [] : [`${keyOf(call)} has the curve ${output.curve.join()}, not ${undisturbed.join()}`];
}

function epochsOf({ effects }: DurableProject, under: string, ended: readonly TrialEnded[], failures: string[]) {
  const reached = new Map<number, number>();
  for (const { trial, budget = 0 } of ended) reached.set(trial, Math.max(budget, reached.get(trial) ?? 0));
  let [epochs, repeated, interrupted] = [0, 0, 0];
  for (const [trial, budget] of reached) {
    for (let epoch = 0; epoch < budget; epoch++) {
      const key = `${under}/${trial}/${epoch}`;
      const [begins, finished] = [effects.begun(key), effects.count(key)];
      epochs++;
      interrupted += begins - 1;
      // Killed between its checkpoint and its effect, an epoch counts and has told nobody.
      if (finished > 1) failures.push(`epoch ${epoch} of trial ${trial} was finished ${finished} times`);
      repeated += Math.max(0, finished - 1);
    }
    if (effects.begun(`${under}/${trial}/${budget}`) > 0)
      failures.push(`trial ${trial} trained beyond ${budget} epochs`);
  }
  return { epochs, repeated, interrupted };
}
