import { describe, expect, it } from 'vitest';
import { needleOf } from '../../../../../client/cli/log-search/needle.js';

describe('the needle of a regular expression', () => {
  it.each([
    ['out of memory', 'out of memory'],
    ['^loss: nan$', 'loss: nan'],
    ['epoch \\d+ of 100', ' of 100'],
    ['colou?r of', 'colo'],
    ['ab*cde', 'cde'],
    ['take[nr]+ away', ' away'],
    ['take[^\\]]one', 'take'],
    ['1\\.5 GiB', '1.5 GiB'],
    ['a+bc', 'bc'],
  ])('of %s is %s', (pattern, needle) => {
    expect(needleOf(pattern)).toBe(needle);
  });

  it.each(['', '.*', 'a|b', '(abc)?', 'ab{0}c', '\\x41\\x42', '\\u0041bc', '(?:x)yz', '\\bA\\b', '[abc', '\\cJabc'])(
    'of %s is not seen',
    (pattern) => {
      expect(needleOf(pattern)).toBeUndefined();
    },
  );

  it.each([
    ['lo[sx]+ of \\d*', 'loss of '],
    ['x?yz+ab', 'yzzab'],
    ['a.b.cd', 'a b cd'],
    ['\\[warn\\] ab?c', '[warn] ac'],
    ['ab+c?d\\s\\S*', 'abbd x'],
  ])('of %s is in %s', (pattern, text) => {
    expect(text).toMatch(new RegExp(pattern));
    expect(text).toContain(needleOf(pattern));
  });
});
