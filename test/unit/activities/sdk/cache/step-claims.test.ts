import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stepClaims } from '../../../../../activities/sdk/cache/step-claims.js';
import { fileJournal } from '../../../../../activities/sdk/journal/file-journal.js';
import { claimsOf, claimsPrefix } from '../../../../../activities/sdk/journal/keys.js';
import type { Journal } from '../../../../../activities/sdk/ports.js';
import type { CacheClaim } from '../../../../../workflows/sdk/cache-messages.js';
import { interleavedJournal, seededRandom } from '../../../../support/interleaved-journal.js';

const key = 'a'.repeat(64);
const call = (stepId: string, runId = 'r') => ({ workflowId: 'w', runId, stepId });

describe('stepClaims', () => {
  let root: string;
  let journal: Journal;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'evertrain-claims-'));
    journal = fileJournal(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** The claim that keeps others from the key. */
  async function held(): Promise<CacheClaim> {
    const claim = await stepClaims(journal).take(key, call('looks on'));
    if (claim === undefined) throw new Error('the key was free');
    return claim;
  }

  it('gives a key to one call, also when that asks again, and tells the others whose it is', async () => {
    const claims = stepClaims(journal);
    expect(await claims.take(key, call('a'))).toBeUndefined();
    expect(await claims.take(key, call('a'))).toBeUndefined();
    expect(await claims.take(key, call('a', 'another run'))).toMatchObject({ ...call('a'), number: 1 });
    expect(await claims.take('b'.repeat(64), call('b'))).toBeUndefined();
  });

  it('is held until the call has ended, and leaves nothing after a result', async () => {
    const claims = stepClaims(journal);
    await claims.take(key, call('a'));
    const claim = await held();
    expect(await claims.isHeld(key, claim)).toBe(true);
    await claims.ended(key, call('b'), false);
    expect(await claims.isHeld(key, claim)).toBe(true);
    await claims.ended(key, call('a'), true);
    expect(await claims.isHeld(key, claim)).toBe(false);
    expect(await journal.list(claimsPrefix)).toEqual([]);
    expect(await claims.take(key, call('b'))).toBeUndefined();
  });

  it('passes on after a failure, and keeps two documents however often', async () => {
    const claims = stepClaims(journal);
    for (const step of ['a', 'b', 'c']) {
      expect(await claims.take(key, call(step))).toBeUndefined();
      await claims.ended(key, call(step), false);
    }
    expect(await claims.take(key, call('d'))).toBeUndefined();
    expect(await held()).toMatchObject({ stepId: 'd', number: 4 });
    expect(await journal.list(claimsPrefix)).toEqual([claimsOf(key), `${claimsOf(key)}/00000004`]);
  });

  it.each(['', '{"runId', 'null', '{}', '{"workflowId":"w","runId":"r","stepId":"s"}'])(
    'takes a claim that reads %j for none',
    async (text) => {
      const claims = stepClaims(journal);
      await claims.take(key, call('a'));
      const claim = await held();
      await journal.put(claimsOf(key), text);
      expect(await claims.isHeld(key, claim)).toBe(false);
      expect(await claims.take(key, call('b'))).toBeUndefined();
      expect(await held()).toMatchObject({ stepId: 'b', number: 2 });
    },
  );

  it.each([1, 2, 3, 4, 5, 6])('gives a key to one of many, and then to one of those left (seed %i)', async (seed) => {
    const names = Array.from({ length: 8 }, (_, n) => `call ${n}`);
    const claims = stepClaims(interleavedJournal(journal, seededRandom(seed)));
    const race = async (callers: readonly string[]) => {
      const answers = await Promise.all(
        callers.map(async (name) => ({ name, busy: await claims.take(key, call(name)) })),
      );
      return answers.filter(({ busy }) => busy === undefined).map(({ name }) => name);
    };
    const first = await race(names);
    expect(first).toHaveLength(1);
    const gone = await held();
    const left = names.filter((name) => name !== first[0]);
    // All see the same claim end, as they do whose holder is gone.
    const winners = await Promise.all(
      left.map(async (name) => {
        if (await claims.isHeld(key, gone)) await claims.end(key, gone);
        return (await claims.take(key, call(name))) === undefined ? name : undefined;
      }),
    );
    expect(winners.filter((name) => name !== undefined)).toHaveLength(1);
    expect(await held()).toMatchObject({ number: 2 });
  });
});
