import { json } from 'node:stream/consumers';
import type { ArtifactStore, Journal } from '../../activities/sdk/ports.js';
import { type Artifact, forEachArtifact } from '../../workflows/sdk/artifact.js';
import { isEvertrainError } from '../../workflows/sdk/errors.js';
import { studyWorkflowType } from '../../workflows/sdk/search/messages.js';
import { type StudyDocument, studyMediaType } from '../../workflows/sdk/search/study-record.js';
import { studyOfDocument } from '../history/project-study.js';
import { childId } from '../history/fold-child.js';
import type { ChildView, RunView, StudyView } from '../history/run-view.js';
import type { ShownStudy } from '../dashboard/shapes.js';
import { type Runs, viewOrRecord } from './run-record.js';

interface StudySources {
  readonly runs: Runs;
  readonly journal: Journal;
  readonly store: ArtifactStore;
}

/**
 * A run with its studies as a whole: those that have a run of their own, the importance of parameters, and trials that
 * only the artifact has. What cannot be had (an artifact in another data folder, say) stays away.
 */
export async function withWholeStudies(view: RunView, sources: StudySources): Promise<RunView> {
  const studies = await wholeStudies(view, sources);
  return { ...view, studies: studies.map(({ study }) => study) };
}

/** The same, each with the run that its trials are in. */
export async function wholeStudies(view: RunView, sources: StudySources): Promise<ShownStudy[]> {
  const { workflowId, runId } = view;
  const apart = view.children.filter(({ pipeline }) => pipeline === studyWorkflowType);
  const [own, ...others] = await Promise.all([
    Promise.all(
      view.studies.map(async (study) => {
        return { study: await wholeStudy(study, sources.store), run: { workflowId, runId }, id: study.id };
      }),
    ),
    ...apart.map((child) => studiesOfChild(child, childId(child.workflowId, view.workflowId), sources)),
  ]);
  return [...(own ?? []), ...others.flat()];
}

async function wholeStudy(study: StudyView, store: ArtifactStore): Promise<StudyView> {
  const document = study.artifact && (await readStudy(study.artifact, store));
  if (document === undefined) return study;
  if (study.earlierTrials === 0) {
    return document.importance === undefined ? study : { ...study, importance: document.importance };
  }
  const { startedAt, status, artifact } = study;
  const whole = studyOfDocument(document, startedAt, 'endedAt' in status ? status.endedAt : startedAt);
  return whole === undefined ? study : { ...whole, ...(artifact === undefined ? {} : { artifact }) };
}

/**
 * From its history, which knows how it stands; of one that the engine has forgotten, from the artifact that it answered.
 *
 * @param id of the study in the run that searches, with the groups around it
 */
async function studiesOfChild(
  child: ChildView,
  id: string,
  { runs, journal, store }: StudySources,
): Promise<ShownStudy[]> {
  try {
    const { studies, workflowId, runId } = await viewOrRecord(runs, journal, child.workflowId);
    const run = { workflowId, runId };
    return await Promise.all(
      studies.map(async (study) => ({ study: { ...(await wholeStudy(study, store)), id }, run, id: study.id })),
    );
  } catch (error) {
    if (!isEvertrainError(error) || error.code !== 'USER_RUN_UNKNOWN') throw error;
  }
  const found: Artifact[] = [];
  forEachArtifact(child.output, (artifact) => {
    if (artifact.mediaType === studyMediaType) found.push(artifact);
  });
  const studies = found.map(async (artifact) => {
    const document = await readStudy(artifact, store);
    const study = document && studyOfDocument(document, child.startedAt, child.endedAt ?? child.startedAt);
    const run = { workflowId: child.workflowId, runId: child.runId ?? '' };
    return study === undefined ? [] : [{ study: { ...study, id, artifact }, run, id: study.id }];
  });
  return (await Promise.all(studies)).flat();
}

async function readStudy(artifact: Artifact, store: ArtifactStore): Promise<StudyDocument | undefined> {
  try {
    return (await json(await store.open(artifact))) as StudyDocument;
  } catch (error) {
    if (isEvertrainError(error)) return undefined;
    throw error;
  }
}
