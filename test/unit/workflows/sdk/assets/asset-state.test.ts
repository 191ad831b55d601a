import { describe, expect, it } from 'vitest';
import {
  addReader,
  dropReader,
  emptyAsset,
  isAssetMessage,
  publish,
  readerToTell,
  staleAt,
  told,
} from '../../../../../workflows/sdk/assets/asset-state.js';
import type { AssetState, Publication } from '../../../../../workflows/sdk/assets/messages.js';

const by = { pipeline: 'p', workflowId: 'w', runId: 'r', stepId: 's' };
let count = 0;

function publication(of: Partial<Publication> = {}): Publication {
  const at = ++count;
  return { id: `${at}`, asset: 'x', partition: '', digest: `${at}`, at, by, ...of };
}

const read = (state: AssetState, rule: string) => addReader(state, { rule, workflowId: `rule/${rule}`, pipeline: 'b' });
const untold = (state: AssetState) => readerToTell(state)?.untold.map(({ id, isChange }) => [id, isChange]);

describe('an asset', () => {
  it('tells each reader of what came since it reads, once', () => {
    const [before, first, second] = [publication(), publication(), publication()] as const;
    let state = publish(emptyAsset(), { rules: {}, publications: [before] });
    state = read(state, 'one');
    state = publish(state, { rules: {}, publications: [first, first] });
    expect(untold(state)).toEqual([[first.id, true]]);
    const { untold: news = [] } = readerToTell(state) ?? {};
    state = publish(state, { rules: {}, publications: [second] });
    state = told(state, 'one', news);
    expect(untold(state)).toEqual([[second.id, true]]);
    expect(state.published).toBe(3);
    expect(readerToTell(dropReader(state, 'one'))).toBeUndefined();
  });

  it('takes the same output from the cache for no news, and another one for news', () => {
    const digest = 'same';
    let state = read(emptyAsset(), 'one');
    const tell = (of: Partial<Publication>) => {
      state = publish(state, { rules: {}, publications: [publication(of)] });
      const reader = readerToTell(state);
      state = told(state, 'one', reader?.untold ?? []);
      return reader?.untold.map(({ isChange }) => isChange);
    };
    expect(tell({ digest })).toEqual([true]);
    expect(tell({ digest, isCached: true })).toBeUndefined();
    expect(tell({ digest })).toEqual([false]);
    expect(tell({ digest: 'other', isCached: true })).toEqual([true]);
    expect(tell({ digest, partition: 'elsewhere', isCached: true })).toEqual([true]);
  });

  it('keeps the newest 1,000 partitions', () => {
    const publications = Array.from({ length: 1_010 }, (_, n) => publication({ partition: `${n}` }));
    const { partitions } = publish(emptyAsset(), { rules: {}, publications });
    expect(Object.keys(partitions)).toHaveLength(1_000);
    expect(partitions['9']).toBeUndefined();
    expect(partitions['1009']).toBeDefined();
  });

  it('is stale so long after its newest publication', () => {
    const rules = { freshWithinMs: 100 };
    expect(staleAt(emptyAsset())).toBeUndefined();
    const state = publish(emptyAsset(), { rules, publications: [publication({ at: 50 }), publication({ at: 20 })] });
    expect(staleAt(state)).toBe(150);
    expect(staleAt({ ...state, toldStale: 50 })).toBeUndefined();
  });

  it('takes no message that is none', () => {
    for (const odd of [null, 'x', {}, { rules: {}, publications: [null] }, { rules: {}, publications: [{ id: 1 }] }]) {
      expect(isAssetMessage(odd)).toBe(false);
    }
    expect(isAssetMessage({ rules: {}, publications: [publication()] })).toBe(true);
  });
});
