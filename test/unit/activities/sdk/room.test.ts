import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Room } from '../../../../activities/sdk/room.js';

it('lets in what fits, in order, and what is larger than all of it alone; failures give it back', async () => {
  const room = new Room(10);
  const inside: string[] = [];
  const ends = new Map<string, () => void>();
  const hold = (name: string, bytes: number) =>
    room.hold(bytes, async () => {
      inside.push(name);
      await new Promise<void>((end) => ends.set(name, end));
      inside.splice(inside.indexOf(name), 1);
    });
  const all = [hold('a', 6), hold('b', 3), hold('huge', 99), hold('c', 1)];
  await turn();
  // One byte is free, but nobody overtakes.
  expect(inside).toEqual(['a', 'b']);
  for (const name of ['a', 'b']) ends.get(name)?.();
  await turn();
  expect(inside).toEqual(['huge']);
  ends.get('huge')?.();
  await turn();
  expect(inside).toEqual(['c']);
  ends.get('c')?.();
  await Promise.all(all);
  await expect(room.hold(10, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await room.hold(10, () => Promise.resolve('free'))).toBe('free');
});
