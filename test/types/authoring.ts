/**
 * What the authoring API refuses at compile time. Checked by `tsc`, never run: an expected error that does not come is an
 * error itself.
 */
import { z } from 'zod';
import { implement, implementCommand, implementHttp, implementSql } from '../../activities/sdk/index.js';
import type { Evertrain } from '../../client/evertrain.js';
import {
  allNew,
  anyNew,
  approval,
  artifact,
  type Artifact,
  asset,
  candidate,
  connection,
  type Duration,
  fanOut,
  fanOutSettled,
  model,
  onAssets,
  pathTemplate,
  type Pipeline,
  pipeline,
  type PipelineInput,
  type PipelineOutput,
  type PipelineResult,
  type Settled,
  signal,
  start,
  step,
} from '../../workflows/sdk/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(..._: Equal<A, B> extends true ? [] : ['the types differ', A, B]): void => undefined;

const fit = step('types.fit', {
  input: z.object({ table: artifact(), depth: z.int(), note: z.string().optional() }),
  output: z.object({ model: artifact(), accuracy: z.number() }),
});
const dated = step('types.dated', { input: z.object({ at: z.string().transform((text) => new Date(text)) }) });
const untyped = step('types.untyped');
declare const table: Artifact;

export async function steps(): Promise<void> {
  const fitted = await fit({ table, depth: 3 });
  same<typeof fitted.accuracy, number>();
  // @ts-expect-error a field of the wrong type
  await fit({ table, depth: '3' });
  // @ts-expect-error a missing field
  await fit({ depth: 3 });
  // @ts-expect-error an unknown field
  await fit({ table, depth: 3, leaves: 4 });
  // @ts-expect-error no input
  await fit();
  // @ts-expect-error an output field that does not exist
  void fitted.precision;
  // A step takes the encoded side of its schema: a Date does not travel as JSON.
  await dated({ at: '2020-01-01' });
  // @ts-expect-error the decoded side
  await dated({ at: new Date() });
  same<Awaited<ReturnType<typeof untyped>>, unknown>();
  await untyped();
  await untyped({ anything: 1 });
}

export const implementations = [
  implement(dated, ({ at }) => same<typeof at, Date>()),
  implement(fit, async ({ depth }) => ({ model: table, accuracy: depth / 10 })),
  // @ts-expect-error an output of the wrong type
  implement(fit, async () => ({ model: table, accuracy: 'high' })),
  // @ts-expect-error an output field that is missing
  implement(fit, async () => ({ model: table })),
];

export async function approvals(): Promise<void> {
  const plain = await approval('ship?');
  same<typeof plain.approved, boolean>();
  const stage = z.object({ percent: z.number() });
  const { percent } = await approval('how much?', { answer: stage, within: '3 days', onTimeout: { percent: 10 } });
  same<typeof percent, number>();
  // @ts-expect-error a default answer of the wrong type
  await approval('how much?', { answer: stage, onTimeout: { percent: '10' } });
  // @ts-expect-error a default answer that is not yes or no
  await approval('ship?', { onTimeout: { percent: 10 } });
  // @ts-expect-error a duration in no unit
  await approval('ship?', { within: '3 dayz' });
}

export async function fanOuts(): Promise<void> {
  const bound = await fanOut([{ depth: 1 }, { depth: 2 }], fit, { with: { table }, atMost: 2 });
  same<(typeof bound)[number]['accuracy'], number>();
  await fanOut([{ table, depth: 1 }], fit);
  // @ts-expect-error the table is neither in the item nor bound
  await fanOut([{ depth: 1 }], fit);
  // @ts-expect-error an item's field of the wrong type
  await fanOut([{ depth: 'deep' }], fit, { with: { table } });
  // @ts-expect-error a binding of the wrong type
  await fanOut([{ depth: 1 }], fit, { with: { table: 'a table' } });
  // @ts-expect-error a binding that the step does not take
  await fanOut([{ depth: 1 }], fit, { with: { table, leaves: 3 } });
  const settled = await fanOutSettled([{ depth: 1 }], fit, { with: { table } });
  same<(typeof settled)[number]['status'], 'fulfilled' | 'rejected'>();
  const squares = await fanOut([1, 2], async (n) => n * n, { name: 'squares' });
  same<typeof squares, number[]>();
  // @ts-expect-error a function needs a name to be shown under
  await fanOut([1, 2], async (n: number) => n * n);
  const children = await fanOut([{ rows: 1 }], train);
  same<(typeof children)[number]['outcome'], 'completed' | 'rejected'>();
  const ends: Settled<number>[] = await fanOutSettled([1], async (n) => n, { name: 'ends' });
  return void ends;
}

export const train = pipeline(
  'types.train',
  { input: z.object({ rows: z.int(), folds: z.int().default(5) }) },
  async ({ rows, folds }) => {
    same<typeof folds, number>();
    return candidate({ model: table, metrics: { accuracy: rows / folds } });
  },
);
const plain = pipeline('types.plain', {}, async () => 7);

same<PipelineInput<typeof train>, { rows: number; folds?: number | undefined }>();
same<PipelineOutput<typeof train>['kind'], 'candidate'>();
same<PipelineOutput<typeof plain>, number>();
same<Awaited<ReturnType<typeof plain>>, PipelineResult<number>>();
same<typeof plain, Pipeline<undefined, number>>();

export async function application(evertrain: Evertrain): Promise<void> {
  const result = await evertrain.execute(plain, undefined);
  if (result.outcome === 'completed') same<typeof result.output, number>();
  // @ts-expect-error only a completed run has an output
  void result.output;
  await evertrain.start(train, { rows: 3 });
  // @ts-expect-error a start input of the wrong type
  await evertrain.start(train, { rows: 'three' });
  // @ts-expect-error an unknown start option
  await evertrain.start(train, { rows: 3 }, { sede: 1 });
  const run = await evertrain.start(plain, undefined);
  const arrived = signal('types.arrived', z.object({ rows: z.int() }));
  await run.signal(arrived, { rows: 3 });
  // @ts-expect-error a payload of the wrong type
  await run.signal(arrived, { rows: 'three' });
}

export const durations: Duration[] = [250, '90s', '10m', '2 hours', '1.5 days'];
// @ts-expect-error no such unit
export const wrongUnit: Duration = '6 hourz';
// @ts-expect-error no number
export const noNumber: Duration = 'soon';
// @ts-expect-error an option that does not exist
step('types.option', { timout: '10m' });
// @ts-expect-error a duration in no unit
step('types.duration', { timeout: '10 minutez' });
// @ts-expect-error endless attempts are no number
step('types.retry', { retry: { attempts: 'forever' } });

export function paths(): void {
  const daily = pathTemplate('s3://raw/{{logicalDate}}/{{region}}-{{part}}.csv');
  daily({ region: 'eu', part: 3 });
  // @ts-expect-error a missing name
  daily({ region: 'eu' });
  // @ts-expect-error an unknown name
  daily({ region: 'eu', part: 3, day: '1' });
  // @ts-expect-error no names at all
  daily();
  pathTemplate('s3://raw/{{intervalStart:YYYY/MM}}.csv')();
  const text: string = 's3://raw';
  pathTemplate(text)({ any: 1 });
}

export async function assets(): Promise<void> {
  const features = asset('types/features', { output: z.object({ table: artifact() }) });
  const labels = asset('types/labels');
  const train = pipeline('types.train', { input: z.object({ table: artifact() }) }, async () => 1);
  const bare = pipeline('types.bare', {}, async () => 1);
  onAssets(train, allNew([features, labels]), {
    toInput: ([x, y]) => {
      same<typeof y.output, unknown>();
      return { table: x.output.table };
    },
  });
  // @ts-expect-error of any, some may be unknown
  onAssets(train, anyNew([features]), { toInput: ([x]) => ({ table: x.output.table }) });
  // @ts-expect-error the pipeline has another input
  onAssets(train, allNew([features]), { toInput: () => ({ rows: 1 }) });
  // @ts-expect-error the pipeline has an input
  onAssets(train, allNew([features]));
  onAssets(bare, allNew([features]));
  const fed = model('types.fed', {
    pipeline: pipeline('types.fed', { input: z.object({ table: artifact() }) }, async ({ table }) =>
      candidate({ model: table, metrics: {} }),
    ),
    data: { toInput: () => ({ table: {} as Artifact }), retrainWhen: { batches: 1 } },
  });
  onAssets(fed, allNew([features]), { toBatch: ([x]) => ({ artifact: x.output.table, rows: 1 }) });
  // @ts-expect-error the model takes batches
  onAssets(fed, allNew([features]), { toInput: ([x]) => ({ table: x.output.table }) });
  step('types.publishes', {
    input: z.object({ day: z.string() }),
    publishes: { asset: labels, partition: ({ day }) => day },
  });
  // @ts-expect-error the input has no such field
  step('types.publishes', { input: z.object({}), publishes: { asset: labels, partition: ({ day }) => day } });
}

const warehouse = connection('types-warehouse', { kind: 'postgres' });
const files = connection('types-files', { kind: 'duckdb', file: 'x.duckdb' });
const labels = connection('types-labels', { kind: 'http', url: 'https://labels.example.org' });
// @ts-expect-error an option of another kind
connection('types-wrong', { kind: 'duckdb', url: 'duckdb:' });

export const kinds = [
  implementSql(fit, warehouse, 'SELECT $1', { params: ({ depth }) => [depth, null, true, 'x'] }),
  // @ts-expect-error a value that no database takes
  implementSql(fit, files, 'SELECT $1', { params: () => [new Date()] }),
  // @ts-expect-error a server is no database
  implementSql(fit, labels, 'SELECT 1'),
  // @ts-expect-error a connection is a value, not a name
  implementSql(fit, 'warehouse', 'SELECT 1'),
  // @ts-expect-error a database is no server
  implementHttp(fit, warehouse),
  // @ts-expect-error an input field that does not exist
  implementHttp(fit, labels, { path: ({ day }) => [day] }),
  implementCommand(fit, ({ table: of, depth }) => ['Rscript', 'fit.R', of, depth]),
  // @ts-expect-error no argument
  implementCommand(fit, () => ['Rscript', {}]),
];

export async function starts(other: Pipeline<typeof dated.input, number>): Promise<void> {
  const { workflowId, isNew } = await start(other, { at: '2020-01-01' }, { id: 'x' });
  same<[typeof workflowId, typeof isNew], [string, boolean]>();
  // @ts-expect-error a field of the wrong type
  await start(other, { at: 1 });
}
