import { createHash } from 'node:crypto';

const longest = 150;

/** One id of several parts, which no other parts have: readable where they are short and plain, else a digest. */
export function eventId(...parts: readonly string[]): string {
  const joined = parts.join('#');
  const isPlain = joined.length <= longest && parts.every((part) => /^[!"$-~]+$/.test(part));
  return isPlain ? joined : `sha256-${digest(JSON.stringify(parts))}`;
}

/** SHA-256 in hex. */
export function digest(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
