import { describe, expect, it } from 'vitest';
import { archivable, archived } from '../../../../../workflows/sdk/model/archive.js';
import { noData } from '../../../../../workflows/sdk/model/data.js';
import type { ModelState, ModelVersion } from '../../../../../workflows/sdk/model/model-state.js';

const artifact = (name: string) => ({
  uri: `file:${name}`,
  sha256: name.padEnd(64, '0'),
  sizeBytes: 1,
  mediaType: 'text/plain',
});
const version = (n: number, more: Partial<ModelVersion> = {}): ModelVersion => ({
  version: String(n),
  stage: 'rejected',
  reason: 'no better',
  metrics: {},
  artifact: artifact(`v${n}`),
  run: { workflowId: 'w', runId: `r${n}` },
  registeredAt: '2026-01-01',
  ...more,
});
const state = (more: Partial<ModelState>): ModelState => ({
  name: 'm',
  pipeline: 'p',
  revision: 0,
  nextVersion: 1,
  versions: [],
  trainings: [],
  ...more,
});
const upTo = (count: number) => Array.from({ length: count }, (_, n) => version(n + 1));
const numbers = (versions: readonly ModelVersion[] = []) => versions.map((one) => one.version);

describe('what a model archives', () => {
  it('is nothing while the state has room', () => {
    expect(archivable(state({ versions: upTo(59) }), undefined)).toBeUndefined();
  });

  it('is all but the newest 50, ten at once; the champion and the one before it stay', () => {
    const full = state({ versions: upTo(62), champion: '3', former: ['1', '2'] });
    const due = archivable(full, undefined);
    expect(numbers(due?.versions)).toEqual(['1', '4', '5', '6', '7', '8', '9', '10', '11', '12']);
    expect(due?.release).toEqual([]);
    const after = archived(full, due as never, artifact('archive'));
    expect(numbers(after.versions).slice(0, 3)).toEqual(['2', '3', '13']);
    expect(after.archive).toEqual({ artifact: artifact('archive'), versions: 10, batches: 0 });
    expect(archivable(after, undefined)).toBeUndefined();
  });

  it('leaves what is being decided on', () => {
    const versions = [version(1, { stage: 'challenger' }), version(2), ...upTo(5).slice(2)];
    const due = archivable(state({ versions, comparison: { trigger: 't', workflowId: 'w', version: '2' } }), 2);
    expect(numbers(due?.versions)).toEqual(['3']);
  });

  it('releases by its retention the artifacts that no version has that stays', () => {
    const shared = artifact('shared');
    const versions = [version(1, { trained: shared }), version(2, { trained: artifact('t2') }), version(3)];
    const full = state({ versions: [...versions, version(4, { trained: shared })] });
    expect(archivable(full, 2)?.release).toEqual(['v1', 'v2', 't2'].map((name) => artifact(name).sha256));
    expect(archivable(full, 4)).toBeUndefined();
  });

  it('does not count a version that has become champion while it was being written, and stays', () => {
    const full = state({ versions: upTo(4) });
    const due = archivable(full, 2);
    const after = archived({ ...full, champion: '1' }, due as never, artifact('archive'));
    expect(numbers(after.versions)).toEqual(['1', '3', '4']);
    expect(after.archive?.versions).toBe(1);
  });

  it('is the older half of the used batches when they come to 45 KB; what is used meanwhile stays', () => {
    const used = Array.from({ length: 500 }, (_, n) => ({ id: `b${n}`, uri: 'u'.repeat(60), rows: 1, receivedAt: n }));
    const data = { ...noData(), used };
    const due = archivable(state({ data }), undefined);
    expect(due?.batches.length).toBeGreaterThan(100);
    expect(due?.batches).toEqual(used.slice(0, due?.batches.length));
    const more = { ...data, used: [...used, { id: 'new', uri: 'u', rows: 1, receivedAt: 9 }] };
    const after = archived(
      state({ data: more, archive: { artifact: artifact('a'), versions: 1, batches: 7 } }),
      due as never,
      artifact('b'),
    );
    expect(after.data?.used).toEqual(more.used.slice(due?.batches.length));
    expect(after.archive).toMatchObject({ versions: 1, batches: 7 + (due?.batches.length ?? 0) });
    expect(archivable(after, undefined)).toBeUndefined();
  });
});
