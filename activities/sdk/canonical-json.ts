import { createHash } from 'node:crypto';
import { type Artifact, isArtifact } from '../../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';

/**
 * JSON with sorted keys and no white space: equal values give equal text. Follows `JSON.stringify` where that is exact
 * (`toJSON` is called, `undefined` fields are left out, a lone `undefined` is `null`) and refuses what it would change
 * silently: NaN, infinities, bigint, functions, symbols, `undefined` in arrays, Map, Set, binary data, cycles
 * (USER_OUTPUT_INVALID, with the place).
 */
export function canonicalJson(value: unknown): string {
  return write(value, '$', [], undefined);
}

/**
 * SHA-256 (hex) of a value's canonical JSON in which an artifact is only its digest: the same bytes from another
 * producer or store give the same digest.
 */
export function inputDigest(value: unknown): string {
  return createHash('sha256')
    .update(write(value, '$', [], (artifact) => `#${artifact.sha256}`))
    .digest('hex');
}

type WriteArtifact = (artifact: Artifact) => string;

function write(
  given: unknown,
  at: string,
  above: readonly unknown[],
  writeArtifact: WriteArtifact | undefined,
): string {
  const value = hasToJson(given) ? given.toJSON() : given;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (value === undefined && above.length === 0) return 'null';
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object') throw refused(value, at);
  if (above.includes(value)) throw refused('a reference to itself', at);
  const inside = [...above, value];
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, index) => write(item, `${at}[${index}]`, inside, writeArtifact)).join(',')}]`;
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') throw refused(value, at);
  // The mark is no JSON, so no plain value has the digest of an artifact.
  if (writeArtifact !== undefined && isPlainReference(value)) return writeArtifact(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const text = fields.map(([k, field]) => `${JSON.stringify(k)}:${write(field, `${at}.${k}`, inside, writeArtifact)}`);
  return `{${text.join(',')}}`;
}

const referenceFields = new Set(['uri', 'sha256', 'sizeBytes', 'mediaType', 'producedBy']);

/** An object with further fields is more than its bytes, so those must stay part of a digest. */
function isPlainReference(value: object): value is Artifact {
  return (
    isArtifact(value) &&
    /^[0-9a-f]{64}$/.test(value.sha256) &&
    Object.keys(value).every((field) => referenceFields.has(field))
  );
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function refused(value: unknown, at: string): EvertrainError {
  const what = typeof value === 'bigint' ? `${value}n` : typeof value === 'number' ? String(value) : kind(value);
  return new EvertrainError('USER_OUTPUT_INVALID', `${at} is ${what}, which JSON cannot hold.`, {
    value: typeof value === 'bigint' ? String(value) : value,
    remedy: 'Use finite numbers, strings, booleans, null, arrays and plain objects; put data into an artifact.',
  });
}

function kind(value: unknown): string {
  if (value === undefined || typeof value === 'symbol') return String(value);
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : show(value);
}
