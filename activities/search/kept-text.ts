import { json } from 'node:stream/consumers';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import type { StudyDocument, StudyToWrite } from '../../workflows/sdk/search/study-record.js';
import type { ArtifactStore } from '../sdk/ports.js';

/** A piece of a text, as JSON: its end may be half of a character, which UTF-8 does not have. */
export function keepText(store: Pick<ArtifactStore, 'put'>, text: string): Promise<Artifact> {
  return store.put(Buffer.from(JSON.stringify(text)), 'application/json');
}

export async function keptText(store: Pick<ArtifactStore, 'open'>, piece: Artifact): Promise<string> {
  return (await json(await store.open(piece))) as string;
}

/** A study whose calls' ends came in pieces. */
export async function wholeStudy(store: Pick<ArtifactStore, 'open'>, study: StudyToWrite): Promise<StudyDocument> {
  if ('ended' in study) return study;
  const { endedIn, ...rest } = study;
  const texts: string[] = [];
  for (const piece of endedIn) texts.push(await keptText(store, piece));
  return { ...rest, ended: JSON.parse(texts.join('')) as StudyDocument['ended'] };
}
