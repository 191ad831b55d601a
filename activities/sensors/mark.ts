import { createHash } from 'node:crypto';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { ArtifactStore } from '../sdk/ports.js';
import type { SeenObject } from './object-source.js';

/**
 * What a sensor for news has seen: 64 bits of a digest of each object and its version, sorted, as an artifact. A hundred
 * thousand objects are 800 KB, and two of them are taken for one with a chance of 1 in 3 billion.
 */
export interface Mark {
  idOf(object: SeenObject): bigint;
  has(id: bigint): boolean;
}

const mediaType = 'application/vnd.evertrain.mark';

export async function readMark(store: ArtifactStore, mark: Artifact | undefined): Promise<Mark> {
  const ids = mark === undefined ? new BigUint64Array() : await readIds(store, mark);
  return { idOf, has: (id) => isAmong(ids, id) };
}

export async function writeMark(store: ArtifactStore, ids: readonly bigint[]): Promise<Artifact> {
  const sorted = BigUint64Array.from(ids).sort();
  const bytes = Buffer.alloc(sorted.byteLength);
  for (const [n, id] of sorted.entries()) bytes.writeBigUInt64LE(id, n * 8);
  return store.put(bytes, mediaType);
}

async function readIds(store: ArtifactStore, mark: Artifact): Promise<BigUint64Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.open(mark)) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  return BigUint64Array.from({ length: Math.floor(bytes.length / 8) }, (_, n) => bytes.readBigUInt64LE(n * 8));
}

function idOf({ uri, sizeBytes, modifiedMs, etag }: SeenObject): bigint {
  const version = etag ?? `${sizeBytes} ${modifiedMs}`;
  return createHash('sha256').update(`${uri}\n${version}`).digest().readBigUInt64LE();
}

function isAmong(sorted: BigUint64Array, id: bigint): boolean {
  let from = 0;
  for (let to = sorted.length; from < to; ) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] as bigint) < id) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === id;
}
