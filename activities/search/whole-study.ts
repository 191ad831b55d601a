import type { StudyDocument, StudyToWrite } from '../../workflows/sdk/search/study-record.js';
import { keptText } from '../sdk/kept-text.js';
import type { ArtifactStore } from '../sdk/ports.js';

/** A study whose calls' ends came in pieces. */
export async function wholeStudy(store: Pick<ArtifactStore, 'open'>, study: StudyToWrite): Promise<StudyDocument> {
  if ('ended' in study) return study;
  const { endedIn, ...rest } = study;
  const texts: string[] = [];
  for (const piece of endedIn) texts.push(await keptText(store, piece));
  return { ...rest, ended: JSON.parse(texts.join('')) as StudyDocument['ended'] };
}
