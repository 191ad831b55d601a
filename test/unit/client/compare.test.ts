import { expect, test } from 'vitest';
import { differences } from '../../../client/compare.js';

test('names each leaf that differs or is on one side only, by its path', () => {
  const recorded = { commit: 'a', lockFiles: { 'package-lock.json': 'x', 'uv.lock': 'y' }, metrics: { f1: 0.5, n: 1 } };
  const today = { commit: 'a', lockFiles: { 'package-lock.json': 'z' }, metrics: { f1: 0.25, n: 1, r2: 1 } };
  expect(differences(recorded, today)).toEqual([
    { name: 'lockFiles/package-lock.json', recorded: 'x', today: 'z' },
    { name: 'lockFiles/uv.lock', recorded: 'y', today: undefined },
    { name: 'metrics/f1', recorded: '0.5', today: '0.25' },
    { name: 'metrics/r2', recorded: undefined, today: '1' },
  ]);
  expect(differences(recorded, structuredClone(recorded))).toEqual([]);
  expect(differences(undefined, undefined)).toEqual([]);
});
