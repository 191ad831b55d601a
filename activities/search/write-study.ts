import type { Artifact } from '../../workflows/sdk/artifact.js';
import { type StudyDocument, studyMediaType } from '../../workflows/sdk/search/study-record.js';
import type { StepServices } from '../sdk/services.js';
import type { Optuna } from './optuna.js';

/**
 * Writes a study as an artifact, with the importance of its parameters where that can be told. The same study gives the
 * same bytes, however often it is written.
 */
export async function writeStudy(
  { store, log }: Pick<StepServices, 'store' | 'log'>,
  optuna: Pick<Optuna, 'importance'>,
  document: StudyDocument,
): Promise<Artifact> {
  const importance = await optuna.importance(document).catch((error: unknown) => {
    log('warn', 'the importance of parameters is left out', { study: document.study, why: String(error) });
    return undefined;
  });
  const whole: StudyDocument = importance === undefined ? document : { ...document, importance };
  return store.put(Buffer.from(JSON.stringify(whole)), studyMediaType);
}
