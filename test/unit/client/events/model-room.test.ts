import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../../client/events/effect.js';
import { ModelRoom } from '../../../../client/events/model-room.js';
import type { Evertrain } from '../../../../client/evertrain.js';
import { EvertrainError } from '../../../../workflows/sdk/errors.js';

const unknown = new EvertrainError('USER_MODEL_UNKNOWN', 'There is no model yet.');
const effects = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    ...{ kind: 'batch', id: `${n}`, model: { name: 'm' }, batch: { id: `${n}`, uri: 'file:/x', rows: 1 } },
  })) as unknown as Effect[];

/** A model that has so many batches waiting at each look; the last one stays. */
function room(...waiting: (number | EvertrainError)[]) {
  let looks = 0;
  const state = () => {
    const now = waiting[Math.min(looks++, waiting.length - 1)];
    if (typeof now !== 'number') return Promise.reject(now as EvertrainError);
    return Promise.resolve({ data: { waiting: Array.from({ length: now }), waitingBytes: 80 * now } });
  };
  const lines: string[] = [];
  const evertrain = { model: () => ({ state }) } as unknown as Evertrain;
  return { room: new ModelRoom(evertrain, (line) => void lines.push(line)), lines, looks: () => looks };
}

const never = new AbortController().signal;

describe('the room in a model', () => {
  it('is looked at once for many signals, and ahead of a burst', async () => {
    const { room: found, looks } = room(0);
    await found.lookAhead(effects(100));
    for (let n = 0; n < 10; n++) await found.for(effects(100), never);
    expect(looks()).toBe(1);
    for (let n = 0; n < 10; n++) await found.for(effects(100), never);
    expect(looks()).toBe(2);
  });

  it('is waited for while it is full, and told once', async () => {
    const { room: found, lines, looks } = room(4_950, 4_950, 4_900);
    await found.for(effects(100), never);
    expect(looks()).toBe(3);
    expect(lines).toEqual(['Model "m" has too many batches waiting; what is for it waits.']);
  });

  it('is all there where there is no model yet, and unknown where it does not answer', async () => {
    await room(unknown).room.for(effects(100), never);
    const silent = room(new EvertrainError('SYSTEM_FAILED', 'No worker answered.')).room;
    await silent.lookAhead(effects(1));
    await expect(silent.for(effects(1), never)).rejects.toThrow('No worker answered');
  });

  it('is not waited for when listening ends', async () => {
    const stopped = new AbortController();
    const waiting = room(5_000).room.for(effects(1), stopped.signal);
    stopped.abort();
    await expect(waiting).rejects.toThrow('aborted');
  });
});
