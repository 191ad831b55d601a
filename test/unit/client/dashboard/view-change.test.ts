import { describe, expect, it } from 'vitest';
import { applyChange, changeOf } from '../../../../client/dashboard/view-change.js';

const before = { id: 'a', status: { kind: 'running' }, steps: [{ n: 0 }, { n: 1 }], gone: 1 };

describe('a change', () => {
  it('is none between states that are the same', () => {
    expect(changeOf(before, structuredClone(before))).toBeUndefined();
  });

  it('carries what differs, and leads from the one state to the other', () => {
    const after = { id: 'a', status: { kind: 'completed' }, steps: [{ n: 0 }, { n: 2 }, { n: 3 }], added: [1] };
    const change = changeOf(before, after);
    expect(change).toEqual({
      fields: { status: { kind: 'completed' }, added: [1] },
      gone: ['gone'],
      lists: {
        steps: {
          length: 3,
          at: [
            [1, { n: 2 }],
            [2, { n: 3 }],
          ],
        },
      },
    });
    expect(applyChange<object>(before, JSON.parse(JSON.stringify(change)))).toEqual(after);
  });

  it('keeps what did not change as the same object, and shortens lists', () => {
    const after = { ...before, steps: [{ n: 0 }] };
    const applied = applyChange(before, changeOf(before, after) ?? { fields: {}, gone: [], lists: {} });
    expect(applied).toEqual(after);
    expect(applied.steps[0]).toBe(before.steps[0]);
    expect(applied.status).toBe(before.status);
  });
});
