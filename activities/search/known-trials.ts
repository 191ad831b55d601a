import { json } from 'node:stream/consumers';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { gain } from '../../workflows/sdk/search/leaders.js';
import type { KnownTrial } from '../../workflows/sdk/search/study-plan.js';
import { type Objective, type StudyDocument, studyMediaType } from '../../workflows/sdk/search/study-record.js';
import type { ArtifactStore } from '../sdk/ports.js';

/** As many as a run's history takes lightly. */
const most = 500;

/** The completed trials of a study's artifact, the best by its first objective. */
export async function knownTrials(store: ArtifactStore, artifact: Artifact): Promise<readonly KnownTrial[]> {
  if (artifact.mediaType !== studyMediaType) {
    throw new EvertrainError('USER_OPTION_INVALID', `warmStart: ${artifact.uri} is a ${artifact.mediaType}, no study.`, {
      value: artifact.uri,
      remedy: 'Pass the `artifact` of what search() answered.',
    });
  }
  const { ended, objectives } = (await json(await store.open(artifact))) as StudyDocument;
  const known = ended.flatMap(({ state, params, values }) =>
    state === 'completed' && values !== undefined ? [{ params, values }] : [],
  );
  const worth = ({ values }: KnownTrial) => gain(objectives[0] as Objective, values[0] as number);
  return known.sort((a, b) => worth(b) - worth(a)).slice(0, most);
}
