import { createHash } from 'node:crypto';

const parts = 10_000;

/**
 * Whether a request belongs to the share of `percent` (0 to 100). Without a key by chance; with one always the same: a
 * model's keys are spread over 10,000 parts, and a greater share takes the parts of a smaller one too.
 */
export function belongsToShare(percent: number, model: string, key: string | undefined): boolean {
  if (key === undefined) return Math.random() * 100 < percent;
  return partOf(model, key) < (percent / 100) * parts;
}

/** Names of models hold no control characters, so no two pairs of model and key read the same. */
function partOf(model: string, key: string): number {
  return createHash('sha256').update(`${model}\0${key}`).digest().readUIntBE(0, 6) % parts;
}
