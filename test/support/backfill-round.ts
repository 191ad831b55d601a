import type { BackfillHandle } from '../../client/backfill.js';
import { schedule } from '../../workflows/sdk/index.js';
import type { BackfillState } from '../../workflows/sdk/schedule/backfill-messages.js';
import { dated } from '../fixtures/durability/dated.js';
import type { DurableProject } from './durable-project.js';
import { seeded } from './random.js';

export interface BackfillRound {
  readonly summary: BackfillState | undefined;
  /** Attempts of steps beyond the first, over all dates. */
  readonly repeated: number;
  /** What did not hold, in words; empty when all did. */
  readonly failures: readonly string[];
}

export interface BackfillRoundOptions {
  /** What this round's effects begin with. */
  readonly under: string;
  /** Days from the first of January 2024, which has 366. */
  readonly days: number;
  readonly atMost: number;
  /** Each of the worker, the engine, or both in turn. */
  readonly kills: number;
  readonly seed: number;
}

const dayMs = 86_400_000;

/** A daily schedule is made up for day by day, while worker and engine are killed: each day has one run and its effect. */
export async function backfillRound(fixture: DurableProject, options: BackfillRoundOptions): Promise<BackfillRound> {
  const { effects, evertrain, engine } = fixture;
  const { under, days, atMost, kills, seed } = options;
  const random = seeded(seed);
  const first = Date.UTC(2024, 0, 1);
  const dates = Array.from({ length: days }, (_, n) => new Date(first + n * dayMs).toISOString());
  const daily = schedule(dated, '@daily', { name: under, input: { effects: effects.url, under } });
  const range = { from: '2024-01-01', to: (dates.at(-1) as string).slice(0, 10) };
  const done = () => dates.filter((date) => effects.count(`${under}/${date}`) > 0).length;
  let worker = await fixture.worker();
  const backfill = await evertrain.backfill(daily, { ...range, atMost });
  for (let n = 0; n < kills; n++) {
    await until(() => done() > ((n + random()) * days) / (kills + 1));
    if (n % 3 !== 1) await worker.kill();
    if (n % 3 !== 0) {
      await engine.kill();
      await engine.restart();
    }
    if (n % 3 !== 1) worker = await fixture.worker();
  }
  const summary = await ended(backfill);
  await worker.stop();
  const failures: string[] = [];
  let repeated = 0;
  for (const date of dates) {
    const count = effects.count(`${under}/${date}`);
    if (count === 0) failures.push(`nothing was done for ${date}`);
    else repeated += count - 1;
  }
  const strange = Object.keys(effects.counts()).filter((key) => key.startsWith(`${under}/`)).length - days;
  if (strange !== 0) failures.push(`${strange} effects more than dates`);
  for (const [id, runs] of await runsById(fixture, under)) if (runs > 1) failures.push(`${id} had ${runs} runs`);
  return { summary, repeated, failures };
}

async function ended(backfill: BackfillHandle): Promise<BackfillState | undefined> {
  const result = await backfill.result();
  return result.outcome === 'completed' ? result.output : undefined;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** As the engine's index has them. */
async function runsById({ evertrain }: DurableProject, under: string): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const query = `WorkflowType = '${dated.name}' AND WorkflowId STARTS_WITH '${dated.name}/${under}-'`;
  for await (const { workflowId } of evertrain.client.workflow.list({ query })) {
    found.set(workflowId, (found.get(workflowId) ?? 0) + 1);
  }
  return found;
}
