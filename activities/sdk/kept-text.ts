import { json } from 'node:stream/consumers';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { ArtifactStore } from './ports.js';

/** A piece of a text, as JSON: its end may be half of a character, which UTF-8 does not have. */
export function keepText(store: Pick<ArtifactStore, 'put'>, text: string): Promise<Artifact> {
  return store.put(Buffer.from(JSON.stringify(text)), 'application/json');
}

export async function keptText(store: Pick<ArtifactStore, 'open'>, piece: Artifact): Promise<string> {
  return (await json(await store.open(piece))) as string;
}
