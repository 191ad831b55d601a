/**
 * Records histories of the fixture's and the shipped pipelines, and of a shipped model, for the release of package.json:
 * `npx tsx test/replay/record.ts`. Files that exist are left alone: a recorded history is never recorded again.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Evertrain } from '../../client/evertrain.js';
import type { Run } from '../../client/run.js';
import { trainBikes } from '../../workflows/pipelines/bikes/pipeline.js';
import { trainDiamonds } from '../../workflows/pipelines/diamonds/pipeline.js';
import { trainIris } from '../../workflows/pipelines/iris/pipeline.js';
import { trainPenguins } from '../../workflows/pipelines/penguins/pipeline.js';
import type { PipelineDefinition } from '../../workflows/sdk/definitions.js';
import { objectExists, schedule, timeIs } from '../../workflows/sdk/index.js';
import { assetWorkflowId, ruleWorkflowId } from '../../workflows/sdk/assets/messages.js';
import { poolWorkflowId } from '../../workflows/sdk/pools/messages.js';
import { publish, rules } from '../fixtures/assets/contracts.js';
import {
  arrived,
  cached,
  cachedWide,
  chain,
  choosing,
  collect,
  contestants,
  crowd,
  failFirst,
  guarded,
  retried,
  shipping,
  tour,
  training,
  wide,
} from '../fixtures/durability/contracts.js';
import { dated } from '../fixtures/durability/dated.js';
import { lightChain, lightFailing, lightItems, lightMix } from '../fixtures/durability/light.js';
import { flowerStudy } from '../fixtures/durability/studies.js';
import { starting } from '../fixtures/kinds/contracts.js';
import { sensing } from '../fixtures/sensors/contracts.js';
import { durableProject } from '../support/durable-project.js';
import { saveHistory } from '../support/histories.js';
import { shippedProject } from '../support/shipped-project.js';
import { liveBikes } from './bikes-model.js';
import { type bundles, currentRelease, historiesFolder } from './fixture-histories.js';

interface Recording {
  readonly pipeline: PipelineDefinition;
  readonly input: (effects: string) => unknown;
  /** What must come from outside before the run ends. */
  readonly during?: (run: Run, evertrain: Evertrain) => Promise<void>;
  /** A child run whose history is recorded beside it, by its id in the run. */
  readonly child?: string;
}

const keys = (pipeline: PipelineDefinition, ...list: string[]): Recording => ({
  pipeline,
  input: (effects) => ({ effects, keys: list }),
});
const only = (pipeline: PipelineDefinition, during?: Recording['during']): Recording => ({
  pipeline,
  input: (effects) => ({ effects }),
  ...(during === undefined ? {} : { during }),
});

async function answer(run: Run, approval: string, given: unknown): Promise<void> {
  while ((await run.approvals()).length === 0) await new Promise((wake) => setTimeout(wake, 50));
  await run.approve(approval, given, { actor: 'ann' });
}

const recordings: Readonly<Record<string, Recording>> = {
  chain: keys(chain, 'a', 'b', 'c'),
  'fan-out': keys(wide, 'a', 'b', 'c', 'd', 'e', 'f'),
  'fan-out-fails': keys(failFirst, 'a', 'b'),
  'fan-out-collects': keys(collect, 'a', 'b'),
  'fan-out-chunks': {
    pipeline: crowd,
    input: (effects) => ({ effects, under: 'c', items: 2_001, atMost: 100, poisoned: [2_000] }),
    child: 'member[2000-2000]',
  },
  'cache-miss': keys(cached, 'a'),
  'cache-hit': keys(cached, 'a', 'a'),
  'cache-waits': keys(cachedWide, 'w', 'w', 'w'),
  gate: only(guarded),
  light: keys(lightChain, ...Array.from({ length: 102 }, (_, n) => `${n}`)),
  'light-at-once': keys(lightMix, 'a', 'b', 'c', 'd', 'e', 'f'),
  'light-fails': {
    pipeline: lightFailing,
    input: (effects) => ({ effects, key: 'fails', fails: 1 }),
  },
  // Recorded when several go in one local activity.
  'light-together': {
    pipeline: lightItems,
    input: (effects) => ({
      items: [{ fails: 1 }, {}, { isWrong: true }, {}].map((how, n) => ({ effects, key: `${n}`, ...how })),
    }),
  },
  retry: only(retried),
  study: {
    pipeline: flowerStudy,
    input: (effects) => ({ effects, under: 'recorded', trials: 9, atMost: 3, scheduler: 'asha' }),
  },
  'study-sampled': {
    pipeline: flowerStudy,
    input: (effects) => ({
      effects,
      under: 'sampled',
      trials: 6,
      atMost: 2,
      scheduler: 'none',
      sampler: 'tpe',
      budget: 3,
    }),
  },
  training: { pipeline: training, input: (effects) => ({ effects, epochs: 2 }) },
  approval: only(shipping, (run) => answer(run, 'ship?', { approved: true })),
  // Recorded by code that did not yet write the answer's schema.
  'approval-typed': only(choosing, (run) => answer(run, 'how sure?', { threshold: 0.4 })),
  pooled: {
    pipeline: contestants[0],
    input: (effects) => ({ effects, keys: ['a', 'b', 'c'], book: '/dev/null' }),
  },
  tour: only(tour, (run) => run.signal(arrived, { rows: 3 })),
};

const sensorRecordings: Readonly<Record<string, Recording>> = {
  sensing: {
    pipeline: sensing,
    input: (effects) => ({
      effects,
      key: 'sensed',
      conditions: [objectExists('package.json'), objectExists('no-such-file'), timeIs('2026-01-01T00:00:00Z')],
      options: { every: '500ms', timeout: '1s', onTimeout: 'skip' },
    }),
  },
};

const ofShipped = (pipeline: PipelineDefinition, input: object = {}): Recording => ({ pipeline, input: () => input });

const shippedRecordings: Readonly<Record<string, Recording>> = {
  iris: ofShipped(trainIris),
  bikes: ofShipped(trainBikes),
  diamonds: ofShipped(trainDiamonds),
  'penguins-imputed': ofShipped(trainPenguins),
  'penguins-dropped': ofShipped(trainPenguins, { missing: 'drop' }),
  'penguins-rejected': ofShipped(trainPenguins, { source: 'data/iris.csv' }),
};

const release = await currentRelease();

/** Records those of a bundle that have no file yet. */
async function record(
  bundle: keyof typeof bundles,
  list: Readonly<Record<string, Recording>>,
  evertrain: Evertrain,
  effects = '',
): Promise<void> {
  for (const [name, { pipeline, input, during, child }] of Object.entries(list)) {
    const path = join(historiesFolder, release, `${bundle}.${name}.json`);
    if (existsSync(path)) continue;
    const run = await evertrain.start(pipeline, input(effects) as never, { provenance: false });
    await during?.(run, evertrain);
    await run.result().catch(() => undefined);
    await saveHistory(evertrain, run, path);
    if (child !== undefined) {
      const workflowId = `${run.workflowId}/${child}`;
      await saveHistory(evertrain, { workflowId }, path.replace('.json', '-child.json'));
    }
    process.stdout.write(`${release}/${bundle}.${name}\n`);
  }
}

/** A pool's own life: some calls of two runs, of which one is terminated. */
async function recordPool({ evertrain, effects, engine }: typeof fixture): Promise<void> {
  const path = join(historiesFolder, release, 'durability.pool.json');
  if (existsSync(path)) return;
  const input = (...list: string[]) => ({ effects: effects.url, keys: list, book: join(engine.dataDir, 'book') });
  const [first, second] = contestants;
  for (const key of ['held', 'held too']) effects.hold(key);
  const holder = await evertrain.start(first, input('held', 'held too'), { provenance: false });
  for (const key of ['held', 'held too']) await effects.began(key);
  const next = await evertrain.start(second, input('x', 'y', 'z'), { provenance: false });
  await holder.terminate('for the record');
  await next.result();
  await saveHistory(evertrain, evertrain.attach(poolWorkflowId('licences', undefined)), path);
  process.stdout.write(`${release}/durability.pool\n`);
}

/** An asset, a rule that reads it, and a run that publishes it, up to their first continuation. */
async function recordAssets({ evertrain, effects }: typeof fixture): Promise<void> {
  const pathOf = (name: string) => join(historiesFolder, release, `assets.${name}.json`);
  if (existsSync(pathOf('run'))) return;
  await evertrain.assets.apply({ rules: [rules.order] });
  const isRead = async () => (await evertrain.assets.list()).filter(({ readers }) => readers.length > 0).length === 2;
  while (!(await isRead())) await new Promise((wake) => setTimeout(wake, 50));
  const ids = [assetWorkflowId('order/a', undefined), ruleWorkflowId('order', undefined)];
  const firstRuns = await Promise.all(
    ids.map(async (id) => (await evertrain.client.workflow.getHandle(id).describe()).runId),
  );
  const all = ['order/a', 'order/c'].map((asset) => ({ asset, value: '1' }));
  const continued = async () => {
    const now = await evertrain.client.workflow.getHandle(ids[0] ?? '').describe();
    return now.runId !== firstRuns[0];
  };
  do {
    const run = await evertrain.start(publish, { effects: effects.url, all }, { provenance: false });
    await run.result();
    if (!existsSync(pathOf('run'))) await saveHistory(evertrain, run, pathOf('run'));
  } while (!(await continued()));
  for (const [n, name] of ['asset', 'rule'].entries()) {
    await saveHistory(evertrain, { workflowId: ids[n] ?? '', runId: firstRuns[n] }, pathOf(name));
    await saveHistory(evertrain, { workflowId: ids[n] ?? '' }, pathOf(`${name}-now`));
  }
  process.stdout.write(`${release}/assets.run, assets.asset, assets.rule\n`);
}

/** A backfill, and a run that a schedule of the engine's started. */
async function recordSchedule({ evertrain, effects }: typeof fixture): Promise<void> {
  const pathOf = (name: string) => join(historiesFolder, release, `durability.${name}.json`);
  if (existsSync(pathOf('backfill'))) return;
  const input = { effects: effects.url, under: 'recorded' };
  const daily = schedule(dated, '@daily', { name: 'recorded', timeZone: 'Europe/Berlin', input });
  const backfill = await evertrain.backfill(daily, { from: '2026-03-28', to: '2026-03-31', atMost: 2 });
  await backfill.result();
  await saveHistory(evertrain, backfill, pathOf('backfill'));
  await evertrain.schedules.apply({ schedules: [daily] });
  const run = await evertrain.schedules.trigger('recorded');
  await run.result();
  await saveHistory(evertrain, run, pathOf('scheduled'));
  process.stdout.write(`${release}/durability.backfill and durability.scheduled\n`);
}

/** One history for each execution of the model, from one continue-as-new to the next. */
async function recordModel(evertrain: Evertrain): Promise<void> {
  const pathOf = (n: number) => join(historiesFolder, release, `shipped.bikes-model-${n}.json`);
  if (existsSync(pathOf(1))) return;
  for (const [n, run] of (await liveBikes(evertrain)).entries()) {
    await saveHistory(evertrain, run, pathOf(n + 1));
    process.stdout.write(`${release}/shipped.bikes-model-${n + 1}\n`);
  }
}

const fixture = await durableProject();
try {
  await fixture.worker();
  await record('durability', recordings, fixture.evertrain, fixture.effects.url);
  await recordPool(fixture);
  await recordSchedule(fixture);
} finally {
  await fixture.close();
}

const assets = await durableProject('assets', ['limit.historyCount.suggestContinueAsNew=60']);
try {
  await assets.worker();
  await recordAssets(assets);
} finally {
  await assets.close();
}

// Its steps have secrets, which the recorded pipeline does not use.
for (const name of ['WAREHOUSE', 'LABELS', 'KEY']) process.env[`EVERTRAIN_TEST_${name}`] = 'none';
const kinds = await durableProject('kinds');
try {
  await kinds.worker();
  const starts = { pipeline: starting, input: (effects: string) => ({ effects, key: 'started' }) };
  await record('kinds', { starting: starts }, kinds.evertrain, kinds.effects.url);
} finally {
  await kinds.close();
}

const sensors = await durableProject('sensors');
try {
  await sensors.worker();
  await record('sensors', sensorRecordings, sensors.evertrain, sensors.effects.url);
} finally {
  await sensors.close();
}

const shipped = await shippedProject({ serves: true });
try {
  await record('shipped', shippedRecordings, shipped.evertrain);
  await recordModel(shipped.evertrain);
} finally {
  await shipped.close();
}
