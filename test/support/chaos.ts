import { setTimeout as sleep } from 'node:timers/promises';
import { fetchHistory } from '../../client/history/fetch.js';
import type { Run } from '../../client/run.js';
import { loadBundle } from '../../worker/bundle.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import { converging } from '../fixtures/durability/contracts.js';
import { shapes } from '../fixtures/durability/shapes.js';
import type { DurableProject } from './durable-project.js';
import { replayHistory } from './histories.js';
import { seeded } from './random.js';
import type { SpawnedWorker } from './spawn-worker.js';

export const faults = ['worker killed', 'worker paused', 'engine killed', 'both killed'] as const;
export type Fault = (typeof faults)[number];

export interface ChaosRound {
  /** In the order in which they were done. */
  readonly faults: readonly Fault[];
  readonly runs: number;
  /** Attempts that began again beyond the first, over all steps. */
  readonly repeated: number;
  /** What did not hold, in words; empty when all did. */
  readonly failures: readonly string[];
}

export interface ChaosOptions {
  /** What this round's effects begin with. */
  readonly under: string;
  readonly faults: number;
  /** Of the training; the model that one without faults gave. */
  readonly model: string;
  /** Decides the faults and the time of each step, as far as the machine's own timing lets it. */
  readonly seed: number;
}

export const epochs = 6;
/** The heartbeat of the fixture's steps is 2 s. */
const pauseMs = 3_500;
const endsWithinMs = 120_000;

/**
 * All shapes of pipelines and a Python training at once, whose steps take a while each, under faults at random moments.
 * Then everything must be as if nothing had happened: results, the trained bytes, histories that replay; and no effect was
 * repeated but by an attempt that a fault had interrupted.
 */
export async function chaosRound(fixture: DurableProject, options: ChaosOptions): Promise<ChaosRound> {
  const { effects, evertrain } = fixture;
  const { under, seed } = options;
  // Of their own, since nobody knows how often each is asked.
  const [random, duration] = [seeded(seed), seeded(seed + 1)];
  effects.slowDown(() => 50 + duration() * 350);
  let worker = await fixture.worker();
  const runs = new Map<string, Run>();
  for (const [name, { pipeline }] of Object.entries(shapes)) {
    const input = { effects: effects.url, under: `${under}/${name}` };
    runs.set(name, await evertrain.start(pipeline, input, { provenance: false }));
  }
  const training = await evertrain.start(
    converging,
    { effects: effects.url, under: `${under}-training`, epochs },
    { provenance: false },
  );
  const done: Fault[] = [];
  for (let n = 0; n < options.faults; n++) {
    await nextBegin(fixture);
    await sleep(random() * 800);
    const fault = faults[Math.floor(random() * faults.length)] as Fault;
    worker = await strike(fixture, worker, fault);
    done.push(fault);
  }
  const failures: string[] = [];
  let repeated = 0;
  for (const [name, run] of runs) {
    if (name === 'approval') await answer(run);
    const found = await outcome(run);
    const expected = JSON.stringify(shapes[name]?.result);
    if (JSON.stringify(found) !== expected) failures.push(`${name} ended as ${JSON.stringify(found)}, not ${expected}`);
    failures.push(...effectsOf(fixture, name, `${under}/${name}/`));
    failures.push(...(await historyOf(fixture, run)).map((why) => `${name}: ${why}`));
    repeated += await repeatedIn(fixture, run, failures);
  }
  const trained = await outcome(training);
  const model = (trained as { output?: { model?: { sha256?: string } } }).output?.model?.sha256;
  if (model !== options.model) failures.push(`training ended with ${JSON.stringify(trained)}, not ${options.model}`);
  failures.push(...(await historyOf(fixture, training)).map((why) => `training: ${why}`));
  const begun = Array.from({ length: epochs }, (_, epoch) => effects.begun(`${under}-training.epoch-${epoch}`));
  const again = begun.reduce((sum, count) => sum + count - 1, 0);
  const attempts = Math.max(
    ...(await training.view()).steps.map((step) => ('attempt' in step ? Number(step.attempt) : 1)),
  );
  if (again > attempts - 1) failures.push(`the epochs began ${begun.join()} times in ${attempts} attempts`);
  effects.slowDown(() => 0);
  await worker.stop();
  return { faults: done, runs: runs.size + 1, repeated: repeated + again, failures };
}

/** Waits until a step begins, so that a fault finds some at work; for 15 s at most, as all may have ended. */
async function nextBegin({ effects }: DurableProject): Promise<void> {
  const before = effects.begins();
  for (const until = Date.now() + 15_000; effects.begins() === before && Date.now() < until; ) await sleep(20);
}

/** A machine's worker comes back after each fault. */
async function strike(fixture: DurableProject, worker: SpawnedWorker, fault: Fault): Promise<SpawnedWorker> {
  if (fault === 'worker killed') {
    await worker.kill();
    return fixture.worker();
  }
  if (fault === 'worker paused') {
    worker.pause();
    await sleep(pauseMs);
    worker.resume();
    return worker;
  }
  await Promise.all([fixture.engine.kill(), ...(fault === 'both killed' ? [worker.kill()] : [])]);
  await fixture.engine.restart();
  return fault === 'both killed' ? fixture.worker() : worker;
}

async function answer(run: Run): Promise<void> {
  for (const until = Date.now() + endsWithinMs; ; await sleep(200)) {
    try {
      if ((await run.approvals()).length > 0) return await run.approve('go on?', { approved: true });
      if ((await run.view()).closedAt !== undefined) return;
    } catch (error) {
      const isAnswered = isEvertrainError(error) && error.code === 'USER_APPROVAL_ANSWERED';
      if (isAnswered) return;
      if (Date.now() > until) throw error;
    }
    if (Date.now() > until) return;
  }
}

async function outcome(run: Run): Promise<unknown> {
  const late = sleep(endsWithinMs, 'it does not end', { ref: false });
  return Promise.race([run.result().catch((error: unknown) => String(error)), late]);
}

function effectsOf({ effects }: DurableProject, name: string, prefix: string): string[] {
  const { effects: expected = [], mayBe = [] } = shapes[name] ?? {};
  const counts = effects.counts();
  const mine = Object.keys(counts).filter((key) => key.startsWith(prefix));
  const missing = expected.filter((key) => (counts[prefix + key] ?? 0) === 0);
  const strange = mine.filter((key) => ![...expected, ...mayBe].includes(key.slice(prefix.length)));
  return [
    ...missing.map((key) => `${name}: effect ${key} did not happen`),
    ...strange.map((key) => `${name}: effect ${key} should not have happened`),
  ];
}

/** Steps that began more than once; a step that began more often than it had attempts is a failure. */
async function repeatedIn({ effects }: DurableProject, run: Run, failures: string[]): Promise<number> {
  let repeated = 0;
  for (const { id, input, attempt } of (await run.view()).steps) {
    const { key } = input as { key: string };
    const begun = effects.begun(key);
    if (begun > 1) repeated += begun - 1;
    const most = typeof attempt === 'number' ? attempt : 1;
    if (begun > most || effects.count(key) > begun) {
      failures.push(`${id} (${key}) began ${begun} times and had ${effects.count(key)} effects in ${most} attempts`);
    }
  }
  return repeated;
}

async function historyOf({ evertrain, bundle }: DurableProject, { workflowId, runId }: Run): Promise<string[]> {
  const history = await fetchHistory(evertrain.client, workflowId, runId);
  return replayHistory(await loadBundle(bundle), history).then(
    () => [],
    (error: unknown) => [`its history does not replay: ${String(error)}`],
  );
}

/** The model that a training gives which nothing disturbs. */
export async function undisturbed(fixture: DurableProject): Promise<string> {
  const { effects, evertrain } = fixture;
  const worker = await fixture.worker();
  const input = { effects: effects.url, under: 'undisturbed', epochs };
  const result = await evertrain.execute(converging, input, { provenance: false });
  await worker.stop();
  if (result.outcome !== 'completed') throw new Error(JSON.stringify(result));
  return result.output.model.sha256;
}
