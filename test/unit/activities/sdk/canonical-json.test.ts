import { describe, expect, it } from 'vitest';
import { canonicalJson, inputDigest } from '../../../../activities/sdk/canonical-json.js';

const sha = 'ab'.repeat(32);
const artifact = { uri: `file:sha256/${sha}`, sha256: sha, sizeBytes: 3, mediaType: 'text/csv' };
const producedBy = { workflowId: 'w', runId: 'r', stepId: 's', attempt: 1 };
const invalid = (at: string) =>
  expect.objectContaining({ code: 'USER_OUTPUT_INVALID', message: expect.stringContaining(`${at} is `) as string });

describe('canonicalJson', () => {
  it('sorts keys by code unit, drops undefined fields, keeps the order of arrays', () => {
    expect(canonicalJson({ b: [3, 1, { z: null, a: 'ü' }], B: true, a: undefined, é: -0 })).toBe(
      '{"B":true,"b":[3,1,{"a":"ü","z":null}],"é":0}',
    );
  });

  it('agrees with JSON about dates and a missing value', () => {
    expect(canonicalJson({ at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(canonicalJson(undefined)).toBe('null');
  });

  it.each([
    ['NaN', { a: [1, Number.NaN] }, '$.a[1]'],
    ['Infinity', { a: -Infinity }, '$.a'],
    ['undefined in an array', [1, undefined], '$[1]'],
    ['a hole in an array', Array(1), '$[0]'],
    ['a bigint', { n: 1n }, '$.n'],
    ['a function', { f: () => 1 }, '$.f'],
    ['a symbol', { s: Symbol('s') }, '$.s'],
    ['a Map', { m: new Map() }, '$.m'],
    ['bytes', { b: new Uint8Array(2) }, '$.b'],
  ])('refuses %s and says where', (_, value, at) => {
    expect(() => canonicalJson(value)).toThrow(invalid(at));
  });

  it('refuses a value inside itself, but not one that is there twice', () => {
    const inner: Record<string, unknown> = { a: 1 };
    expect(canonicalJson([inner, inner])).toBe('[{"a":1},{"a":1}]');
    inner['self'] = inner;
    expect(() => canonicalJson({ inner })).toThrow(invalid('$.inner.self'));
  });
});

describe('inputDigest', () => {
  it('sees an artifact by its bytes only', () => {
    const digest = inputDigest({ table: artifact });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(inputDigest({ table: { ...artifact, producedBy } })).toBe(digest);
    expect(inputDigest({ table: { ...artifact, uri: `s3:sha256/${sha}` } })).toBe(digest);
    const other = 'cd'.repeat(32);
    expect(inputDigest({ table: { ...artifact, uri: `file:sha256/${other}`, sha256: other } })).not.toBe(digest);
  });

  it('tells an artifact from anything that looks like one', () => {
    const digest = inputDigest(artifact);
    expect(inputDigest(sha)).not.toBe(digest);
    expect(inputDigest(`#${sha}`)).not.toBe(digest);
    expect(inputDigest({ ...artifact, column: 'a' })).not.toBe(inputDigest({ ...artifact, column: 'b' }));
  });

  it('does not depend on the order of keys', () => {
    expect(inputDigest({ a: 1, b: 2 })).toBe(inputDigest({ b: 2, a: 1 }));
    expect(inputDigest([1, 2])).not.toBe(inputDigest([2, 1]));
  });
});
