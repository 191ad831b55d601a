import { describe, expect, it } from 'vitest';
import { deriveSeed, jsonDigest } from '../../../../workflows/sdk/digest.js';

const sha256 = 'a'.repeat(64);
const artifact = { uri: `file:sha256/${sha256}`, sha256, sizeBytes: 3, mediaType: 'text/csv' };

describe('the digest of a JSON value', () => {
  it('does not depend on the order of keys, and reads an undefined field as absent', () => {
    expect(jsonDigest({ a: 1, b: { c: [1, 2], d: null } })).toBe(jsonDigest({ b: { d: null, c: [1, 2] }, a: 1 }));
    expect(jsonDigest({ a: 1, b: undefined })).toBe(jsonDigest({ a: 1 }));
    expect(jsonDigest(undefined)).toBe(jsonDigest(null));
  });

  it('differs where values differ', () => {
    const values = [
      {},
      [],
      null,
      0,
      '',
      '0',
      false,
      [[]],
      [{}],
      { a: [] },
      { a: {} },
      ['a', 'b'],
      ['a,b'],
      { a: 1 },
      '{"a":1}',
    ];
    expect(new Set(values.map(jsonDigest)).size).toBe(values.length);
  });

  it('sees an artifact by its bytes only', () => {
    const producedBy = { workflowId: 'w', runId: 'r', stepId: 's', attempt: 2 };
    expect(jsonDigest({ table: { ...artifact, producedBy } })).toBe(jsonDigest({ table: artifact }));
    const other = 'b'.repeat(64);
    expect(jsonDigest({ table: { ...artifact, sha256: other, uri: `file:sha256/${other}` } })).not.toBe(
      jsonDigest({ table: artifact }),
    );
  });
});

describe('a derived seed', () => {
  it('is a 32-bit number that depends on the seed and the name', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `fit#${index}`);
    const seeds = names.map((name) => deriveSeed(0, name));
    expect(new Set(seeds).size).toBe(1_000);
    expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true);
    expect(deriveSeed(1, 'fit')).not.toBe(deriveSeed(2, 'fit'));
    expect(deriveSeed(1, 'fit')).toBe(deriveSeed(1, 'fit'));
  });
});
