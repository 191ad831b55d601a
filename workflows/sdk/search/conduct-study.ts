import type { Artifact } from '../artifact.js';
import { EvertrainError, isEvertrainError } from '../errors.js';
import { isLong, keepText } from '../kept-text.js';
import { builtIn, memo } from '../protocol.js';
import { gain } from './leaders.js';
import { StudyRun, type StudySettings } from './run-study.js';
import { asText } from './samplers.js';
import type { Params } from './space.js';
import type { CallResult, Leader, StudyPlan, StudyState } from './study-plan.js';
import type { Objective, StudyBegan, StudyEnded, StudyRecord, StudyToWrite } from './study-record.js';

/** A trial as a pipeline sees it afterwards. */
export interface TrialResult<P = Params> {
  readonly trial: number;
  readonly params: P;
  readonly state: CallResult['state'];
  /** By the first objective; absent of a trial that gave none. */
  readonly value?: number;
  /** One for each objective. */
  readonly values?: readonly number[];
  readonly budget?: number;
}

export interface BestTrial<P = Params, Output = unknown> extends TrialResult<P> {
  readonly value: number;
  readonly values: readonly number[];
  /** What its last call answered. */
  readonly output: Output;
}

export interface Study<P = Params, Output = unknown> {
  readonly state: 'completed' | 'stopped';
  /** Why it stopped before all its trials had ended. */
  readonly reason?: string;
  /** What `values` are, in their order. */
  readonly objectives: readonly Objective[];
  /** The best by the first objective, at the greatest budget that was reached. */
  readonly best: BestTrial<P, Output>;
  /** All that no other trial is better than; of one objective the best alone. */
  readonly front: readonly BestTrial<P, Output>[];
  /** The best first, failed ones last; at most 500. The artifact has all, call by call. */
  readonly trials: readonly TrialResult<P>[];
  /** `StudyDocument`, JSON of media type `application/vnd.evertrain.study+json`. */
  readonly artifact: Artifact;
}

const mostTrials = 500;

/** Runs the study, or its part in this run, and leaves its records; `open` where it is to go on in another one. */
export async function conductStudy(settings: StudySettings, state?: StudyState): Promise<Study | { open: StudyState }> {
  const { plan, scope } = settings;
  const record = (what: StudyRecord) => scope.host.record(memo.study, what);
  record(began(plan));
  const study = new StudyRun(settings, state);
  const end = await study.run();
  if (end.state === 'open') return { open: study.state() };
  const best = study.best;
  const isFailed = end.state === 'failed' || best === undefined;
  const error = 'error' in end ? end.error : undefined;
  // A run that is cancelled, or ended by a gate, schedules nothing more.
  if (error !== undefined && (!isEvertrainError(error) || error.code === 'GATE_REJECTED')) throw error;
  const reasons = [
    ...('reason' in end ? [end.reason] : []),
    ...(best === undefined && error === undefined ? ['no trial gave a value'] : []),
  ];
  const reason = reasons.length === 0 ? undefined : reasons.join(', and ');
  const ended: Omit<StudyEnded, 'artifact'> = {
    study: plan.study,
    event: 'ended',
    state: isFailed ? 'failed' : end.state,
    ...(reason === undefined ? {} : { reason }),
    ...(best === undefined ? {} : { best: best.trial }),
  };
  const artifact = await written(settings, ended, study.ended);
  record({ ...ended, artifact });
  if (isFailed) throw error ?? studyFailed(plan, reason as string);
  return {
    state: ended.state as Study['state'],
    ...(reason === undefined ? {} : { reason }),
    objectives: plan.objectives,
    best: asBest(best),
    front: study.leaders.map(asBest),
    trials: ranked(plan, study.ended).slice(0, mostTrials),
    artifact,
  };
}

function began(plan: StudyPlan): StudyBegan {
  const { study, objectives, trials, atMost, sampler, scheduler, stop, seed, space } = plan;
  const rule = scheduler ?? stop;
  return {
    study,
    event: 'began',
    objectives,
    trials,
    atMost,
    sampler: asText(sampler),
    ...(rule === undefined ? {} : { scheduler: asText(rule) }),
    seed,
    space,
  };
}

async function written(
  { plan, scope: { host } }: StudySettings,
  { event: _, ...end }: Omit<StudyEnded, 'artifact'>,
  ended: readonly CallResult[],
): Promise<Artifact> {
  const { event: __, ...about } = began(plan);
  const text = JSON.stringify(ended);
  const summary = `${plan.study}: the study as an artifact`;
  const calls = isLong(text) ? { endedIn: await keepText(host, text, summary) } : { ended };
  const study: StudyToWrite = { ...about, ...end, ...calls };
  return (await host.builtIn(builtIn.study, study, summary)) as Artifact;
}

function asBest({ trial, params, state, values, budget, output }: Leader): BestTrial {
  const value = values[0] as number;
  return { trial, params, state, value, values, ...(budget === undefined ? {} : { budget }), output };
}

/** One entry for each trial, of its last call that ended. */
function ranked({ objectives }: StudyPlan, calls: readonly CallResult[]): TrialResult[] {
  const last = new Map<number, CallResult>();
  for (const call of calls) last.set(call.trial, call);
  const worth = ({ values }: CallResult) =>
    values === undefined ? -Infinity : gain(objectives[0] as StudyPlan['objectives'][number], values[0] as number);
  const sorted = [...last.values()].sort(
    (a, b) =>
      Number(a.values === undefined) - Number(b.values === undefined) ||
      // One that was stopped early has a budget also where those that went to their end were given none.
      Number(b.state === 'completed') - Number(a.state === 'completed') ||
      (b.budget ?? 0) - (a.budget ?? 0) ||
      worth(b) - worth(a) ||
      a.trial - b.trial,
  );
  return sorted.map(({ trial, params, state, values, budget }) => ({
    trial,
    params,
    state,
    ...(values === undefined ? {} : { value: values[0] as number, values }),
    ...(budget === undefined ? {} : { budget }),
  }));
}

function studyFailed({ study }: StudyPlan, reason: string): EvertrainError {
  return new EvertrainError('USER_STUDY_FAILED', `search "${study}" failed: ${reason}.`, {
    value: study,
    remedy: 'Look at its trials (`evertrain show`); `tolerate` says which share of them may fail.',
  });
}
