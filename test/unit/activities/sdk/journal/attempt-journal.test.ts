import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openAttemptJournal } from '../../../../../activities/sdk/journal/attempt-journal.js';
import { type AttemptRecords, openAttemptRecords } from '../../../../../activities/sdk/journal/attempt-records.js';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import {
  attemptPrefix,
  recordsKey,
  recordsPrefix,
  runPrefix,
  unescapeSegment,
} from '../../../../../activities/sdk/journal/keys.js';
import { readAttempts, readLines, readLogs, readMetrics } from '../../../../../activities/sdk/journal/read-run.js';
import { type Journal, journalKey } from '../../../../../activities/sdk/ports.js';

const step = { workflowId: 'iris/1', runId: 'run', stepId: 'candidates[2]/iris.fit', attempt: 1 };

describe('openAttemptJournal', () => {
  let root: string;
  let journal: Journal;
  let records: AttemptRecords;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-attempt-'));
    journal = fileJournal(root);
    records = openAttemptRecords(journal, 'worker');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const attempts = () => readAttempts(journal, step.workflowId, step.runId);
  const logs = (options = {}) => readLogs(journal, step.workflowId, step.runId, options);

  it('keeps logs, metrics and progress, and one record at the end', async () => {
    const attempt = openAttemptJournal(journal, records, step);
    attempt.log('info', 'two\nlines', { rows: 3 });
    attempt.log('warn', 'plain', {});
    attempt.metric('loss', 0.5, 1);
    attempt.metric('loss', 0.25, 2);
    attempt.metric('rows', 150);
    attempt.progress(0.5, 'half');
    await attempt.close({ outcome: 'completed', worker: 'w1', startedAt: 1000, endedAt: 3500 });

    const { lines } = await readLines(journal, step.workflowId, step.runId);
    const source = { stepId: step.stepId, attempt: 1, t: expect.any(Number) as number };
    expect(lines).toEqual([
      { ...source, kind: 'log', level: 'info', message: 'two\nlines', fields: { rows: 3 } },
      { ...source, kind: 'log', level: 'warn', message: 'plain' },
      { ...source, kind: 'metric', name: 'loss', value: 0.5, at: 1 },
      { ...source, kind: 'metric', name: 'loss', value: 0.25, at: 2 },
      { ...source, kind: 'metric', name: 'rows', value: 150 },
      { ...source, kind: 'progress', fraction: 0.5, message: 'half' },
    ]);
    expect(await attempts()).toEqual([
      {
        stepId: step.stepId,
        attempt: 1,
        outcome: 'completed',
        worker: 'w1',
        startedAt: 1000,
        endedAt: 3500,
        durationMs: 2500,
        metricsLast: { loss: 0.25, rows: 150 },
      },
    ]);
    expect((await readMetrics(journal, step.workflowId, step.runId)).metrics).toHaveLength(3);
  });

  it('keeps the first record of an attempt that is delivered twice', async () => {
    await openAttemptJournal(journal, records, step).close({
      outcome: 'failed',
      code: 'USER_CODE_FAILED',
      message: 'broke',
    });
    await openAttemptJournal(journal, records, step).close({ outcome: 'completed' });
    await records.flush();
    expect(await attempts()).toMatchObject([{ outcome: 'failed', code: 'USER_CODE_FAILED', message: 'broke' }]);
  });

  it('keeps the earlier record when two workers ended the same attempt', async () => {
    const others = openAttemptRecords(journal, 'another worker');
    await openAttemptJournal(journal, others, step).close({ outcome: 'failed', startedAt: 0, endedAt: 2000 });
    await openAttemptJournal(journal, records, step).close({ outcome: 'cancelled', startedAt: 0, endedAt: 1000 });
    expect(await attempts()).toMatchObject([{ outcome: 'cancelled', endedAt: 1000 }]);
  });

  it('writes the records of silent attempts together and soon, and those of others at once', async () => {
    const appends: Array<readonly string[]> = [];
    const counted: Journal = {
      ...journal,
      append(key, lines) {
        if (key.startsWith(recordsPrefix(step.workflowId, step.runId))) appends.push(lines);
        return journal.append(key, lines);
      },
    };
    const batch = openAttemptRecords(counted, 'worker');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (let n = 0; n < 200; n++) {
      const silent = openAttemptJournal(counted, batch, { ...step, stepId: `silent[${n}]` });
      expect(silent.close({ outcome: 'completed' })).toBeUndefined();
    }
    vi.advanceTimersByTime(5_000);
    vi.useRealTimers();
    await expect.poll(async () => (await attempts()).length, { timeout: 5000, interval: 20 }).toBe(200);
    expect(appends).toHaveLength(1);
    const loud = openAttemptJournal(counted, batch, step);
    loud.metric('loss', 1);
    await loud.close({ outcome: 'completed' });
    expect(await attempts()).toHaveLength(201);
  });

  it('shows lines soon without being asked, and long before many have gathered', async () => {
    const attempt = openAttemptJournal(journal, records, step);
    attempt.log('info', 'soon');
    await expect.poll(async () => (await logs()).lines.length, { timeout: 5000, interval: 20 }).toBe(1);
    attempt.log('info', 'x'.repeat(60_000));
    attempt.log('info', 'y'.repeat(60_000));
    await expect.poll(async () => (await logs()).lines.length, { timeout: 5000, interval: 20 }).toBe(3);
    expect(await attempts()).toEqual([]);
  });

  it('follows a run from a cursor, across attempts and steps, or one step only', async () => {
    const first = openAttemptJournal(journal, records, step);
    first.log('info', 'one');
    await first.flush();
    const before = await logs();
    const other = openAttemptJournal(journal, records, { ...step, stepId: 'iris.ingest' });
    other.log('info', 'other');
    await other.flush();
    const retry = openAttemptJournal(journal, records, { ...step, attempt: 2 });
    await wait(2);
    first.log('info', 'two');
    await first.flush();
    await wait(2);
    retry.log('info', 'three');
    await retry.flush();
    const after = await logs({ cursor: before.cursor });
    expect(after.lines.map((line) => [line.message, line.stepId, line.attempt])).toEqual([
      ['other', 'iris.ingest', 1],
      ['two', step.stepId, 1],
      ['three', step.stepId, 2],
    ]);
    expect((await logs({ cursor: after.cursor })).lines).toEqual([]);
    expect((await logs({ stepId: 'iris.ingest' })).lines.map((line) => line.message)).toEqual(['other']);
    await expect(logs({ cursor: '%%' })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
  });

  it('refuses numbers that JSON cannot hold, and logs whatever it is given', async () => {
    const attempt = openAttemptJournal(journal, records, step);
    expect(() => attempt.metric('loss', Number.NaN)).toThrow(expect.objectContaining({ code: 'USER_OUTPUT_INVALID' }));
    expect(() => attempt.progress(Infinity)).toThrow(expect.objectContaining({ code: 'USER_OUTPUT_INVALID' }));
    const circle: Record<string, unknown> = { big: 10n };
    attempt.log('info', 'big', { big: 10n });
    circle['self'] = circle;
    attempt.log('error', 'circle', circle);
    attempt.log('debug', 'z'.repeat(100_000));
    await attempt.close({ outcome: 'completed' });
    const { lines } = await logs();
    expect(lines[0]?.fields).toEqual({ big: '10' });
    expect(lines[1]?.fields).toHaveProperty('unprintable');
    expect(lines[2]?.message).toMatch(/z… \(\d+ more characters\)$/);
  });

  it('keeps lines while the journal cannot be written, says so at the flush, and writes them later', async () => {
    const place = join(root, 'later');
    await writeFile(place, '');
    const failing = fileJournal(place);
    const attempt = openAttemptJournal(failing, openAttemptRecords(failing, 'worker'), step);
    attempt.log('info', 'kept');
    await expect(attempt.flush()).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE' });
    await expect(attempt.close({ outcome: 'completed' })).rejects.toMatchObject({ code: 'SYSTEM_STORE_UNAVAILABLE' });
    await rm(place);
    await mkdir(place);
    attempt.log('info', 'after');
    await attempt.close({ outcome: 'completed' });
    const { lines } = await readLogs(failing, step.workflowId, step.runId);
    expect(lines.map((line) => line.message)).toEqual(['kept', 'after']);
    expect(await readAttempts(failing, step.workflowId, step.runId)).toHaveLength(1);
  });

  it('drops the oldest lines when too many wait for the journal, and says how many', async () => {
    const place = join(root, 'full');
    await writeFile(place, '');
    const failing = fileJournal(place);
    const attempt = openAttemptJournal(failing, openAttemptRecords(failing, 'worker'), step);
    for (let i = 0; i < 200; i++) attempt.log('info', `${i} ${'x'.repeat(60_000)}`);
    await rm(place);
    await attempt.close({ outcome: 'completed' });
    const { lines } = await readLogs(fileJournal(place), step.workflowId, step.runId);
    const [notice, ...rest] = lines.sort((a, b) => (a.level === b.level ? 0 : a.level === 'warn' ? -1 : 1));
    expect(notice?.message).toBe(
      `${200 - rest.length} earlier lines were dropped while the journal could not be written.`,
    );
    expect(rest.at(-1)?.message.startsWith('199 ')).toBe(true);
  });

  it('sets damaged records and lines aside', async () => {
    await journal.append(recordsKey(step.workflowId, step.runId, 'worker'), ['{"half', 'null', '{"stepId":7}']);
    await journal.append(attemptPrefix(step.workflowId, step.runId, 'a', 1), ['no json', 'null', '7']);
    expect(await attempts()).toEqual([]);
    expect((await logs()).lines).toEqual([]);
  });

  it('knows nothing of a run that left nothing', async () => {
    expect(await attempts()).toEqual([]);
    expect((await logs()).lines).toEqual([]);
  });
});

describe('journal keys', () => {
  it('keep ids apart and can be read back', () => {
    expect(runPrefix('a/b', 'c')).not.toBe(runPrefix('a', 'b/c'));
    for (const text of ['', 'a/b', 'größe', '%41', '日本', 'Iris.fit#2']) {
      expect(unescapeSegment(journalKey(text))).toBe(text);
    }
  });
});
