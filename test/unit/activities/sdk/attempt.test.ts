import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AttemptHost, openAttempt } from '../../../../activities/sdk/attempt.js';
import type { Checkpoints, StepContext } from '../../../../activities/sdk/context.js';
import { openAttemptRecords } from '../../../../activities/sdk/journal/attempt-records.js';
import { fileJournal } from '../../../../activities/sdk/journal/file-journal.js';
import { checkpointPrefix } from '../../../../activities/sdk/journal/keys.js';
import { readLogs, readMetrics } from '../../../../activities/sdk/journal/read-run.js';
import type { Journal, TellRun } from '../../../../activities/sdk/ports.js';
import type { StepServices } from '../../../../activities/sdk/services.js';
import { type FileArtifactStore, fileArtifactStore } from '../../../../activities/sdk/store/file-artifact-store.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';
import type { TrialReport } from '../../../../workflows/sdk/search/messages.js';
import type { StepHeader } from '../../../../workflows/sdk/step-header.js';

let root: string;
let store: FileArtifactStore;
let journal: Journal;
let services: StepServices;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'evertrain-attempt-'));
  store = fileArtifactStore(join(root, 'artifacts'));
  journal = fileJournal(join(root, 'journal'));
  const records = openAttemptRecords(journal, 'worker');
  const log = () => undefined;
  services = { store, journal, records, identity: 'worker', tmpDir: join(root, 'tmp'), background: new Set(), log };
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Call {
  readonly header?: Partial<StepHeader>;
  readonly attempt?: number;
  readonly runId?: string;
  readonly tell?: TellRun;
}

/** An attempt that has begun, and the details of its heartbeats. */
async function begin(stepId: string, { header, attempt = 1, runId = 'run', tell }: Call = {}) {
  const beats: unknown[] = [];
  const host: AttemptHost = {
    cancellationSignal: new AbortController().signal,
    heartbeat: (details) => void beats.push(details),
    info: {
      activityId: stepId,
      activityType: 'fit',
      attempt,
      heartbeatTimeoutMs: 10_000,
      workflowExecution: { workflowId: 'w', runId },
    },
  };
  const more = tell === undefined ? services : { ...services, tell };
  const opened = openAttempt(host, { seed: 1, ...header }, more);
  await opened.begin();
  return { ...opened, opened, context: opened.context, beats };
}

const bytes = (text: string) => store.put(Buffer.from(text), 'text/plain');
const save = async (checkpoints: Checkpoints, epoch: number, of = '') =>
  checkpoints.save(await bytes(`epoch ${epoch}${of}`), { epoch, of });
const epochOf = async ({ checkpoints }: StepContext) => (await checkpoints.load())?.meta['epoch'];

/** A call that has ended after these epochs. */
async function ended(stepId: string, epochs: readonly number[], call: Call = {}): Promise<void> {
  const { context, opened } = await begin(stepId, call);
  for (const epoch of epochs) await save(context.checkpoints, epoch);
  await opened.close({ outcome: 'completed' });
}

const logOf = (stepId: string) => journal.list(checkpointPrefix('w', 'run', stepId));
const damage = (stepId: string, entry: number) =>
  journal.put(`${checkpointPrefix('w', 'run', stepId)}/0000000${entry}`, '{"half');

async function warnings(stepId: string): Promise<string[]> {
  const { lines } = await readLogs(journal, 'w', 'run', { stepId });
  return lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

describe('a call that goes on from an earlier one', () => {
  const resumes = [{ stepId: 'second' }, { stepId: 'first' }];

  it('loads the newest checkpoint of the first that has one, until it has its own', async () => {
    await ended('first', [0, 1]);
    await ended('second', []);
    const { context } = await begin('third', { header: { resumes } });
    expect(await context.checkpoints.load()).toMatchObject({ meta: { epoch: 1 }, sequence: 2, attempt: 1 });
    expect(await save(context.checkpoints, 2)).toMatchObject({ sequence: 1 });
    expect(await epochOf(context)).toBe(2);
    const next = await begin('third', { header: { resumes }, attempt: 2 });
    expect(await next.context.checkpoints.load()).toMatchObject({ meta: { epoch: 2 }, sequence: 1, attempt: 1 });
    await expect(save(context.checkpoints, 3)).rejects.toMatchObject({ code: 'SYSTEM_FENCED' });
  });

  it('leaves the log that it reads to its writer', async () => {
    const lender = await begin('second');
    await save(lender.context.checkpoints, 0);
    const before = await logOf('second');
    const { context } = await begin('third', { header: { resumes }, attempt: 7 });
    expect(await epochOf(context)).toBe(0);
    expect([await logOf('second'), await logOf('first')]).toEqual([before, []]);
    expect(await save(lender.context.checkpoints, 1)).toMatchObject({ sequence: 2 });
  });

  it('tells the engine of its own checkpoints only, and of these before user code runs', async () => {
    await ended('first', [0]);
    const first = await begin('third', { header: { resumes } });
    await epochOf(first.context);
    expect(first.beats).toEqual([]);
    const second = await begin('third', { header: { resumes }, attempt: 2 });
    await epochOf(second.context);
    expect(second.beats).toEqual([]);
    const own = await save(second.context.checkpoints, 1);
    const third = await begin('third', { header: { resumes }, attempt: 3 });
    expect(third.beats).toContainEqual({ checkpoint: { sequence: 1, attempt: 2, uri: own.artifact.uri } });
    for (const { opened } of [first, second, third]) await opened.close({ outcome: 'cancelled' });
  });

  it('takes its work folder away when it ends', async () => {
    const { context, opened } = await begin('first');
    const { workDir } = context;
    await writeFile(join(workDir, 'left'), 'behind');
    await opened.close({ outcome: 'completed' });
    await expect(access(workDir)).rejects.toThrow('ENOENT');
  });

  it('finds calls of other runs', async () => {
    await ended('first', [4], { runId: 'earlier' });
    const header = { resumes: [{ stepId: 'first' }, { stepId: 'first', workflowId: 'w', runId: 'earlier' }] };
    expect(await epochOf((await begin('third', { header })).context)).toBe(4);
  });

  it('goes back past what is gone or damaged, and says so', async () => {
    await ended('first', [0, 1]);
    await ended('second', [0, 1, 2]);
    await damage('second', 4);
    await store.delete((await bytes('epoch 1')).sha256);
    const { context, opened } = await begin('third', { header: { resumes } });
    expect(await epochOf(context)).toBe(0);
    await store.delete((await bytes('epoch 0')).sha256);
    await journal.delete(checkpointPrefix('w', 'run', 'first'));
    const anew = await begin('third', { header: { resumes }, attempt: 2 });
    expect(await anew.context.checkpoints.load()).toBeUndefined();
    for (const one of [opened, anew.opened]) await one.close({ outcome: 'cancelled' });
    expect(await warnings('third')).toEqual([
      '2 newer checkpoints of "second" are gone or damaged.',
      'Cannot go on from "second": all of its checkpoints (3) are gone or damaged.',
      'Starts anew: no earlier call has a checkpoint to go on from.',
    ]);
  });

  it('starts anew without a warning after calls that saved no checkpoint', async () => {
    for (const stepId of ['first', 'second']) {
      const { context, opened } = await begin(stepId);
      await context.checkpoints.load();
      await opened.close({ outcome: 'completed' });
    }
    const { context, opened } = await begin('third', { header: { resumes } });
    expect(await context.checkpoints.load()).toBeUndefined();
    await opened.close({ outcome: 'completed' });
    expect(await warnings('third')).toEqual([]);
  });

  it('does not start anew because the journal cannot be asked', async () => {
    await ended('first', [0]);
    const away = new EvertrainError('SYSTEM_STORE_UNAVAILABLE', 'away');
    const list = vi.spyOn(journal, 'list').mockImplementation((prefix) => {
      return prefix.endsWith('third') ? Promise.resolve([]) : Promise.reject(away);
    });
    const { context } = await begin('third', { header: { resumes } });
    await expect(context.checkpoints.load()).rejects.toBe(away);
    list.mockRestore();
    expect(await epochOf(context)).toBe(0);
  });
});

describe('a metric', () => {
  const header = { reports: 'accuracy' };

  it('that was reported before a checkpoint outlives the worker once the checkpoint counts', async () => {
    const { context } = await begin('fit');
    context.metric('loss', 0.5, 0);
    await save(context.checkpoints, 0);
    const { metrics } = await readMetrics(journal, 'w', 'run');
    expect(metrics).toMatchObject([{ name: 'loss', value: 0.5, at: 0 }]);
  });

  it('refuses numbers that are not finite', async () => {
    const { context } = await begin('fit');
    const invalid = expect.objectContaining({ code: 'USER_OUTPUT_INVALID' }) as Error;
    expect(() => context.metric('loss', Number.NaN)).toThrow(invalid);
    expect(() => context.metric('loss', 1, Number.POSITIVE_INFINITY)).toThrow(invalid);
  });

  it('that the run asked for is told to it, in order and one after the other, while the step goes on', async () => {
    const told: TrialReport[] = [];
    let atOnce = 0;
    const { context, opened } = await begin('fit', {
      header,
      async tell(run, report) {
        expect([run, ++atOnce]).toEqual([{ workflowId: 'w', runId: 'run' }, 1]);
        await new Promise((resolve) => setImmediate(resolve));
        atOnce--;
        told.push(report);
      },
    });
    for (let epoch = 0; epoch < 20; epoch++) context.metric('accuracy', epoch / 20, epoch);
    context.metric('accuracy', 1);
    context.metric('loss', 1, 20);
    expect(told).toEqual([]);
    await opened.told();
    expect(told).toEqual(Array.from({ length: 20 }, (_, at) => ({ stepId: 'fit', at, value: at / 20 })));
    expect(opened.told()).toBeUndefined();
  });

  it('that cannot be told does not fail the step, which warns once and tells the next', async () => {
    const told: number[] = [];
    const { context, opened } = await begin('fit', {
      header,
      tell: (_, { at }) => (at < 3 ? Promise.reject(new Error(`no ${at}`)) : Promise.resolve(void told.push(at))),
    });
    for (let epoch = 0; epoch < 5; epoch++) context.metric('accuracy', 0, epoch);
    await opened.told();
    await opened.close({ outcome: 'completed' });
    context.metric('accuracy', 0, 5);
    expect(told).toEqual([3, 4]);
    expect(await warnings('fit')).toEqual(['The run was not told all that was reported: Error: no 0.']);
  });

  it('waits in bounded memory for an engine that does not answer, the newest longest, and 5 s after the end no more', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const told: number[] = [];
    let answer: () => void = () => undefined;
    const { context, opened } = await begin('fit', {
      header,
      tell: (_, { at }) => {
        told.push(at);
        return new Promise((resolve) => (answer = resolve));
      },
    });
    for (let epoch = 0; epoch < 1_500; epoch++) context.metric('accuracy', 0, epoch);
    answer();
    await vi.waitUntil(() => told.length === 2);
    const settling = opened.told();
    await vi.advanceTimersByTimeAsync(5_000);
    await settling;
    vi.useRealTimers();
    answer();
    await opened.close({ outcome: 'completed' });
    expect(told).toEqual([0, 500]);
  });

  it('is told to nobody by a step whose run asked for none, or whose process has no engine', async () => {
    const tell = vi.fn<TellRun>(() => Promise.resolve());
    const without = await begin('fit', { tell });
    const alone = await begin('fit', { header });
    for (const { context } of [without, alone]) context.metric('accuracy', 1, 1);
    expect([without.opened.told(), alone.opened.told()]).toEqual([undefined, undefined]);
    expect(tell).not.toHaveBeenCalled();
  });
});
