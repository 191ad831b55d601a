import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogEntry, openFencedLog } from '../../../../../activities/sdk/journal/fenced-log.js';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import type { Journal } from '../../../../../activities/sdk/ports.js';
import { isEvertrainError } from '../../../../../workflows/sdk/errors.js';
import { interleavedJournal, seededRandom } from '../../../../support/interleaved-journal.js';

const fenced = { code: 'SYSTEM_FENCED' };
const names = (entries: readonly LogEntry[]) => entries.map(({ kind, attempt }) => `${kind} ${attempt}`);

describe('openFencedLog', () => {
  let root: string;
  let journal: Journal;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-fenced-'));
    journal = fileJournal(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('keeps entries in order under eight-digit numbers', async () => {
    const log = await openFencedLog(journal, 'steps/fit', 1);
    await log.append({ kind: 'epoch', n: 1 });
    await log.append({ kind: 'epoch', n: 2 });
    expect(await journal.list('steps/fit')).toEqual(['00000001', '00000002', '00000003'].map((n) => `steps/fit/${n}`));
    expect(await log.entries()).toMatchObject([
      { kind: 'attempt', attempt: 1 },
      { kind: 'epoch', attempt: 1, n: 1 },
      { kind: 'epoch', attempt: 1, n: 2 },
    ]);
  });

  it('refuses an older attempt from the moment that a newer one opened, however often it tries', async () => {
    const first = await openFencedLog(journal, 'log', 1);
    await first.append({ kind: 'epoch' });
    const second = await openFencedLog(journal, 'log', 2);
    for (let tries = 0; tries < 3; tries++) await expect(first.append({ kind: 'epoch' })).rejects.toMatchObject(fenced);
    await expect(openFencedLog(journal, 'log', 1)).rejects.toMatchObject(fenced);
    await second.append({ kind: 'epoch' });
    await expect(first.append({ kind: 'epoch' })).rejects.toMatchObject(fenced);
    expect(names(await second.entries())).toEqual(['attempt 1', 'epoch 1', 'attempt 2', 'epoch 2']);
  });

  it('opens again for the same attempt, and both deliveries may append', async () => {
    const one = await openFencedLog(journal, 'log', 3);
    const two = await openFencedLog(journal, 'log', 3);
    await one.append({ kind: 'a' });
    await two.append((passed) => ({ kind: 'b', after: passed.length }));
    expect(names(await one.entries())).toEqual(['attempt 3', 'attempt 3', 'a 3', 'b 3']);
    expect((await one.entries()).at(-1)).toMatchObject({ after: 1 });
  });

  it('takes an entry for its own when the answer to the create was lost', async () => {
    let loseNext = false;
    const lossy: Journal = {
      ...journal,
      async create(key, body) {
        const created = await journal.create(key, body);
        if (!loseNext) return created;
        loseNext = false;
        return journal.create(key, body);
      },
    };
    const log = await openFencedLog(lossy, 'log', 1);
    loseNext = true;
    await log.append({ kind: 'epoch' });
    expect(names(await log.entries())).toEqual(['attempt 1', 'epoch 1']);
  });

  it('says which entry is damaged', async () => {
    await journal.put('log/00000001', '{"half');
    await expect(openFencedLog(journal, 'log', 1)).rejects.toMatchObject({
      code: 'SYSTEM_ARTIFACT_DAMAGED',
      value: 'log/00000001',
    });
  });

  it.each(Array.from({ length: 60 }, (_, seed) => seed + 1))(
    'never lets an older attempt append after a newer one has opened (interleaving %i)',
    async (seed) => {
      const random = seededRandom(seed);
      const interleaved = interleavedJournal(journal, random);
      let newestOpen = 0;
      const written: string[] = [];
      const attempt = async (number: number, delivery: number) => {
        const log = await openFencedLog(interleaved, 'log', number);
        newestOpen = Math.max(newestOpen, number);
        for (let n = 0; n < 4; n++) {
          const newestBefore = newestOpen;
          await log.append({ kind: 'epoch', delivery, n });
          expect(newestBefore).toBeLessThanOrEqual(number);
          written.push(`${number} ${delivery} ${n}`);
        }
      };
      const attempts = [1, 1, 2, 2, 3, 4].map(async (number, delivery) => {
        try {
          await attempt(number, delivery);
          return true;
        } catch (error) {
          if (isEvertrainError(error) && error.code === 'SYSTEM_FENCED') return false;
          throw error;
        }
      });
      const finished = await Promise.all(attempts);
      expect(finished.at(-1)).toBe(true);

      const entries = await (await openFencedLog(journal, 'log', 4)).entries();
      const order = entries.map((entry) => entry.attempt);
      expect(order).toEqual([...order].sort((a, b) => a - b));
      const kept = entries.filter((entry) => entry.kind === 'epoch');
      expect(kept.map((entry) => [entry.attempt, entry['delivery'], entry['n']].join(' ')).sort()).toEqual(
        written.sort(),
      );
    },
  );
});
