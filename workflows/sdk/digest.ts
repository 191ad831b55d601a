import { isArtifact } from './artifact.js';

/**
 * A 106-bit digest of a JSON value that does not depend on key order, and sees an artifact only by its SHA-256. The
 * workflow sandbox has no crypto; this one tells accidental differences apart, it does not stand against forgery.
 */
export function jsonDigest(value: unknown): string {
  const text = stable(value);
  return `${hash(text, 0).toString(36)}-${hash(text, 0x9e3779b9).toString(36)}`;
}

/** A 32-bit unsigned seed that depends on the run's seed and a name. */
export function deriveSeed(seed: number, name: string): number {
  return hash(`${seed}/${name}`, 0x51ed27) % 0x1_0000_0000;
}

/** A number from 0 up to but not 1 that depends on a seed and a name: one draw of a random stream of its own. */
export function uniform(seed: number, name: string): number {
  return hash(`${seed}/${name}`, 0x2545f4) / 2 ** 53;
}

function stable(value: unknown): string {
  if (isArtifact(value)) return `#${value.sha256}`;
  if (Array.isArray(value)) return `[${value.map(stable).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${stable(field)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** In the sandbox a look-up of a global takes longer than all else that is done for a character. */
const { imul } = Math;

/** cyrb53 by bryc (public domain): a 53-bit hash of a text. */
function hash(text: string, seed: number): number {
  let high = 0xdeadbeef ^ seed;
  let low = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = imul(high ^ code, 2654435761);
    low = imul(low ^ code, 1597334677);
  }
  high = imul(high ^ (high >>> 16), 2246822507) ^ imul(low ^ (low >>> 13), 3266489909);
  low = imul(low ^ (low >>> 16), 2246822507) ^ imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}
