import type { BestPoint, RunView, StudyView, TrialView } from './history/run-view.js';

/** What happens in the studies of a run. */
export type StudyHappening =
  | { readonly type: 'study-began'; readonly study: StudyView }
  /** A call of it has ended: `trial.state` tells how. */
  | { readonly type: 'trial-ended'; readonly study: StudyView; readonly trial: TrialView }
  /** A call of a trial was better than all before it, by the first objective. */
  | { readonly type: 'study-improved'; readonly study: StudyView; readonly best: BestPoint }
  | { readonly type: 'study-ended'; readonly study: StudyView };

/** What happened in them from one view to the next; of several ends of a trial the last. */
export function studyHappenings(
  before: RunView | undefined,
  { studies }: RunView,
  add: (at: number | undefined, happening: StudyHappening) => void,
): void {
  const known = new Map(before?.studies.map((study) => [study.id, study]));
  for (const study of studies) {
    const earlier = known.get(study.id);
    if (earlier === undefined) add(study.startedAt, { type: 'study-began', study });
    const trials = new Map(earlier?.trials.map((trial) => [trial.number, trial]));
    for (const trial of study.trials) {
      const last = trials.get(trial.number);
      const isNew = last?.state !== trial.state || last.rung !== trial.rung;
      if (isNew && hasEnded(trial)) add(trial.endedAt, { type: 'trial-ended', study, trial });
    }
    for (const best of study.bestSoFar.slice(earlier?.bestSoFar.length ?? 0)) {
      add(best.at, { type: 'study-improved', study, best });
    }
    if ('endedAt' in study.status && (earlier === undefined || !('endedAt' in earlier.status))) {
      add(study.status.endedAt, { type: 'study-ended', study });
    }
  }
}

function hasEnded(
  trial: TrialView,
): trial is Exclude<TrialView, { readonly state: 'queued' | 'running' | 'unfinished' }> {
  return trial.state !== 'queued' && trial.state !== 'running' && trial.state !== 'unfinished';
}
