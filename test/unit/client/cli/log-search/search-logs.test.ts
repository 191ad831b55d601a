import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LogLevel, openAttemptJournal } from '../../../../../activities/sdk/journal/attempt-journal.js';
import { openAttemptRecords } from '../../../../../activities/sdk/journal/attempt-records.js';
import { openStorage } from '../../../../../activities/sdk/storage.js';
import type { LogHit, LogQuery } from '../../../../../client/log-query.js';
import { searchLogs } from '../../../../../client/cli/log-search/search-logs.js';
import type { RunToSearch } from '../../../../../client/cli/log-search/search-run.js';

let dataDir: string;

/** 12 runs of two steps; each step logs `begins`, 50 epochs and, with a tricky text, `"ends"`. */
const runs: RunToSearch[] = Array.from({ length: 12 }, (_, n) => ({ workflowId: `run ${n}`, runId: `r${n}` }));

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'evertrain-search-'));
  const { journal } = openStorage(dataDir);
  const records = openAttemptRecords(journal, 'here');
  for (const [n, run] of runs.entries()) {
    for (const stepId of ['data', 'fit[0]/train']) {
      const attempt = openAttemptJournal(journal, records, { ...run, stepId, attempt: 2 });
      const say = (level: LogLevel, message: string) => attempt.log(level, message, { of: 'fields: epoch 7' });
      say('debug', 'begins');
      for (let epoch = 0; epoch < 50; epoch++) say('info', `epoch ${epoch} of run ${n}`);
      attempt.metric('loss', 0.5, 7);
      say('error', `"ends" \\ with\n${'a'.repeat(40)}b é ✔`);
      await attempt.close({ outcome: 'completed' });
    }
  }
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

async function* each(from: readonly RunToSearch[] = runs) {
  yield* from;
}

async function found(query: LogQuery, limit = 10_000, signal?: AbortSignal) {
  const hits: LogHit[] = [];
  const search = searchLogs(query, { runs: each(), dataDir, limit, signal });
  for (let next = await search.next(); ; next = await search.next()) {
    if (next.done) return { hits, isCut: next.value.isCut };
    hits.push(...next.value);
  }
}

describe('a search through logs', () => {
  it('finds messages by text, by regular expression and by level, with where and when they were said', async () => {
    const { hits, isCut } = await found({ text: 'epoch 7 ' });
    expect(isCut).toBe(false);
    expect(hits.map(({ workflowId, stepId }) => `${workflowId} ${stepId}`)).toEqual(
      runs.flatMap(({ workflowId }) => [`${workflowId} data`, `${workflowId} fit[0]/train`]),
    );
    expect(hits[1]).toMatchObject({ runId: 'r0', attempt: 2, level: 'info', message: 'epoch 7 of run 0', kind: 'log' });
    expect(Math.abs((hits[0]?.t ?? 0) - Date.now())).toBeLessThan(600_000);
    expect((await found({ pattern: '^epoch 4\\d of run 1$' })).hits).toHaveLength(20);
    expect((await found({ pattern: '^(begins|nothing)$' })).hits).toHaveLength(24);
    expect((await found({ level: 'error', stepId: 'data' })).hits).toHaveLength(12);
    expect((await found({ text: '"ends" \\ with\n' })).hits).toHaveLength(24);
    expect((await found({ pattern: '"ends" \\\\ with\\na+b é ✔$' })).hits).toHaveLength(24);
    expect((await found({ text: 'epoch', since: Date.now() + 60_000 })).hits).toEqual([]);
    expect((await found({ text: 'loss' })).hits).toEqual([]);
  });

  it('ends at its limit and says so', async () => {
    const { hits, isCut } = await found({ text: 'epoch' }, 130);
    expect(hits).toHaveLength(130);
    expect(isCut).toBe(true);
    expect(hits.every(({ workflowId }) => workflowId === 'run 0' || workflowId === 'run 1')).toBe(true);
    expect(await found({ text: 'begins' }, 24)).toMatchObject({ isCut: false });
  });

  it('refuses a pattern that is none, and ends one that would never come to an end', async () => {
    await expect(found({ pattern: '(' })).rejects.toMatchObject({ code: 'USER_OPTION_INVALID' });
    let beats = 0;
    const timer = setInterval(() => beats++, 20);
    await expect(found({ pattern: '(a+)+$' })).rejects.toMatchObject({
      code: 'USER_OPTION_INVALID',
      message: expect.stringContaining('takes too long on one line'),
    });
    clearInterval(timer);
    // Whoever asks could do other things meanwhile.
    expect(beats).toBeGreaterThan(10);
  });

  it('ends quietly when it is given up, also in the midst of a match', async () => {
    const stop = new AbortController();
    const search = found({ pattern: '(a+)+$' }, 10, stop.signal);
    stop.abort();
    expect((await search).hits).toEqual([]);
  });

  it('leaves no thread behind that would keep the process', async () => {
    const search = searchLogs({ text: 'epoch' }, { runs: each(), dataDir, limit: 10_000 });
    await search.next();
    await search.return({ isCut: true });
    await expect.poll(() => process.getActiveResourcesInfo().filter((one) => one === 'Worker')).toEqual([]);
  });
});
