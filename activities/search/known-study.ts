import { json } from 'node:stream/consumers';
import type { Artifact } from '../../workflows/sdk/artifact.js';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import { type StudyDocument, studyMediaType } from '../../workflows/sdk/search/study-record.js';
import type { KnownStudy, KnownTrial } from '../../workflows/sdk/search/study-plan.js';
import type { ArtifactStore } from '../sdk/ports.js';

const mostTrials = 500;

/** A study that was written as an artifact, with its completed trials: those with the best first objective, in their order. */
export async function knownStudy(store: Pick<ArtifactStore, 'open'>, artifact: Artifact): Promise<KnownStudy> {
  if (artifact.mediaType !== studyMediaType) {
    throw new EvertrainError(
      'USER_OPTION_INVALID',
      `search: warmStart is an artifact of ${show(artifact.mediaType)}.`,
      {
        value: artifact.uri,
        remedy: 'Give the result of an earlier study, or its `artifact`.',
      },
    );
  }
  const { objectives, ended } = (await json(await store.open(artifact))) as StudyDocument;
  const sign = objectives[0]?.direction === 'maximize' ? -1 : 1;
  const completed = ended.flatMap(({ state, sameAs, params, values }) =>
    state === 'completed' && sameAs === undefined && values !== undefined ? [{ params, values }] : [],
  );
  const cost = ({ values }: KnownTrial) => sign * (values[0] as number);
  const best = new Set(completed.toSorted((a, b) => cost(a) - cost(b)).slice(0, mostTrials));
  return { objectives, trials: completed.filter((trial) => best.has(trial)) };
}
