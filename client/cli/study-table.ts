import { EvertrainError } from '../../workflows/sdk/errors.js';
import { nearestName } from '../../workflows/sdk/options.js';
import type { RunView, StudyView, TrialView } from '../history/run-view.js';
import type { Cell } from './csv.js';

export interface StudyTable {
  readonly columns: readonly string[];
  /** A trial each, by number. */
  readonly rows: readonly Readonly<Record<string, Cell>>[];
}

/** The study that is meant: the only one where none is named. USER_STUDY_UNKNOWN, USER_OPTION_INVALID for several. */
export function studyOf({ studies, workflowId }: Pick<RunView, 'studies' | 'workflowId'>, name?: string): StudyView {
  const ids = studies.map(({ id }) => id);
  const [only] = studies;
  if (only === undefined) {
    throw new EvertrainError('USER_STUDY_UNKNOWN', `Run "${workflowId}" has no study.`, {
      value: workflowId,
      remedy: 'A study is there from the moment in which the run calls `search()`.',
    });
  }
  if (name === undefined && studies.length === 1) return only;
  if (name === undefined) {
    throw new EvertrainError('USER_OPTION_INVALID', `Run "${workflowId}" has ${studies.length} studies.`, {
      value: ids,
      remedy: `Name one by --study: ${ids.join(', ')}.`,
    });
  }
  const found = studies.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const nearest = nearestName(name, ids);
  throw new EvertrainError('USER_STUDY_UNKNOWN', `Run "${workflowId}" has no study "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It has: ${ids.join(', ')}.` : `Did you mean "${nearest}"?`,
  });
}

/** One row a trial, as its last call left it; parameters in the order of the space. */
export function studyTable({ trials, objectives, space }: StudyView): StudyTable {
  const metrics = objectives.map(({ metric }) => metric);
  const others = new Set(trials.flatMap(({ params = {} }) => Object.keys(params)));
  for (const name of Object.keys(space)) others.delete(name);
  const params = [...Object.keys(space), ...[...others].sort()];
  const columns = [
    ...['trial', 'state', 'rung', 'budget'],
    ...metrics.map((metric) => `value.${metric}`),
    ...params.map((name) => `param.${name}`),
    ...['seconds', 'failure.code', 'failure.message', 'sameAs'],
  ];
  return { columns, rows: trials.map((trial) => rowOf(trial, metrics, params)) };
}

function rowOf(trial: TrialView, metrics: readonly string[], params: readonly string[]): Record<string, Cell> {
  const { number, state, rung, budget, seconds, sameAs } = trial;
  const values = 'values' in trial ? trial.values : undefined;
  const failure = trial.state === 'failed' ? trial.failure : undefined;
  return {
    trial: number,
    state,
    rung,
    budget: budget ?? null,
    ...Object.fromEntries(metrics.map((metric, n) => [`value.${metric}`, values?.[n] ?? null])),
    ...Object.fromEntries(params.map((name) => [`param.${name}`, trial.params?.[name] ?? null])),
    seconds,
    'failure.code': failure?.code ?? null,
    'failure.message': failure?.message ?? null,
    sameAs: sameAs ?? null,
  };
}
