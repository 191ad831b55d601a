import { withoutLink } from '../../workflows/sdk/errors.js';
import type { StudyDocument } from '../../workflows/sdk/search/study-record.js';
import { type EndedCall, foldStudy, type StudyFacts } from './fold-study.js';
import type { Facts } from './facts.js';
import { paretoFront, signOf } from './pareto-front.js';
import { type SeenCall, seenCalls } from './seen-calls.js';
import type { FailureView, StepView } from './step-shapes.js';
import type { BestPoint, StudyStatus, StudyView, TrialView } from './study-shapes.js';

/** What the run around a study tells of it. */
interface StudySurroundings {
  /** The last call of each trial that has steps. */
  readonly seen: ReadonlyMap<number, SeenCall>;
  readonly isRunOpen: boolean;
  /** The run goes on where an earlier one of its id left off. */
  readonly isContinued: boolean;
}

const maxTrials = 5_000;
const maxMessage = 300;

/** The studies of a run, as their records and their trials' steps have them. */
export function studyViews(facts: Facts, steps: readonly StepView[]): StudyView[] {
  const { studies, started, closed } = facts;
  if (studies.size === 0) return [];
  const seen = seenCalls(facts, steps);
  const around = { isRunOpen: closed === undefined, isContinued: started?.isContinued ?? false };
  return [...studies].map(([id, study]) => studyView(study, { ...around, seen: seen.get(id) ?? new Map() }));
}

function studyView(facts: StudyFacts, { seen, isRunOpen, isContinued }: StudySurroundings): StudyView {
  const { began, beganAt, end } = facts;
  const { study, objectives, trials: planned, atMost, sampler, scheduler, seed, space } = began;
  const isOpen = isRunOpen && end === undefined;
  const trials = trialViews(facts.calls, seen, isOpen);
  const shown = trials.slice(-maxTrials);
  const missing = isContinued && trials.length > 0 ? (trials.at(-1)?.number ?? 0) + 1 - trials.length : 0;
  const bestSoFar = bestPoints(facts);
  const best = end?.record.best ?? bestTrial(trials, facts);
  return {
    id: study,
    objectives,
    sampler,
    ...(scheduler === undefined ? {} : { scheduler }),
    planned,
    atMost,
    seed,
    space,
    startedAt: beganAt,
    status: statusOf(end, isRunOpen),
    trials: shown,
    earlierTrials: missing + trials.length - shown.length,
    endedCalls: facts.calls.length,
    bestSoFar,
    ...(best === undefined ? {} : { best }),
    ...(objectives.length > 1 ? { front: paretoFront(trials.flatMap(withValues), objectives) } : {}),
    ...(end?.record.artifact === undefined ? {} : { artifact: end.record.artifact }),
  };
}

/** A study as its artifact has it, which lacks the times of the trials. */
export function studyOfDocument(document: StudyDocument, startedAt: number, endedAt: number): StudyView | undefined {
  const { study, ended, state, reason, best, importance } = document;
  const studies = new Map<string, StudyFacts>();
  foldStudy(studies, { ...document, event: 'began' }, startedAt);
  const facts = studies.get(study);
  if (facts === undefined) return undefined;
  for (const call of ended) foldStudy(studies, { ...call, study, event: 'trial' }, endedAt);
  const why = { ...(reason === undefined ? {} : { reason }), ...(best === undefined ? {} : { best }) };
  foldStudy(studies, { study, event: 'ended', state, ...why }, endedAt);
  const untimed = { ...facts, calls: facts.calls.map(({ record }) => ({ record })) };
  const view = studyView(untimed, { seen: new Map(), isRunOpen: false, isContinued: false });
  return { ...view, ...(importance === undefined ? {} : { importance }) };
}

function statusOf(end: StudyFacts['end'], isRunOpen: boolean): StudyStatus {
  if (end === undefined) return { kind: isRunOpen ? 'running' : 'unfinished' };
  const { state, reason } = end.record;
  if (state === 'completed') return { kind: state, endedAt: end.at };
  return { kind: state, endedAt: end.at, ...(reason === undefined ? {} : { reason }) };
}

function trialViews(
  ended: readonly EndedCall[],
  seen: ReadonlyMap<number, SeenCall>,
  isStudyOpen: boolean,
): TrialView[] {
  const calls = new Map<number, EndedCall[]>();
  for (const call of ended) {
    const known = calls.get(call.record.trial);
    if (known === undefined) calls.set(call.record.trial, [call]);
    else known.push(call);
  }
  const numbers = [...new Set([...calls.keys(), ...seen.keys()])].sort((a, b) => a - b);
  return numbers.flatMap((number) => trialView(number, calls.get(number) ?? [], seen.get(number), isStudyOpen) ?? []);
}

function trialView(
  number: number,
  calls: readonly EndedCall[],
  seen: SeenCall | undefined,
  isStudyOpen: boolean,
): TrialView | undefined {
  const last = calls.at(-1);
  const { record } = last ?? {};
  const open = seen !== undefined && seen.rung > (record?.rung ?? -1) ? seen : undefined;
  const params = open?.params ?? record?.params;
  const base = {
    number,
    rung: open?.rung ?? record?.rung ?? 0,
    ...(params === undefined ? {} : { params }),
    ...(record?.budget === undefined ? {} : { budget: record.budget }),
    seconds: calls.reduce((sum, call) => sum + call.record.seconds, 0),
    curve: calls.flatMap(({ record: { budget, values: [value] = [] } }) =>
      budget === undefined || value === undefined ? [] : [{ budget, value }],
    ),
    ...(record?.sameAs === undefined ? {} : { sameAs: record.sameAs }),
    ...(record?.from === undefined ? {} : { from: record.from }),
  };
  const values = record?.values;
  if (open !== undefined) {
    const state = !isStudyOpen ? 'unfinished' : open.isQueued ? 'queued' : 'running';
    return { ...base, state, startedAt: open.startedAt, ...(values === undefined ? {} : { values }) };
  }
  if (record === undefined) return undefined;
  const ended = last?.at === undefined ? {} : { endedAt: last.at };
  if (record.state === 'failed') return { ...base, state: 'failed', failure: shortened(record.failure), ...ended };
  return { ...base, state: record.state, values: values ?? [], ...ended };
}

function shortened(failure: FailureView | undefined): FailureView {
  const { code = 'SYSTEM_FAILED', message: said = 'no message' } = failure ?? {};
  // Beside a code of its own the link would be noise.
  const message = withoutLink(said);
  return { code, message: message.length > maxMessage ? `${message.slice(0, maxMessage - 1)}…` : message };
}

function bestPoints({ began, calls }: StudyFacts): BestPoint[] {
  const sign = signOf(began.objectives[0]);
  const points: BestPoint[] = [];
  for (const [n, { record, at }] of calls.entries()) {
    const value = record.values?.[0];
    const best = points.at(-1);
    if (value === undefined || (best !== undefined && value * sign <= best.value * sign)) continue;
    const { trial, rung, budget } = record;
    const known = { ...(budget === undefined ? {} : { budget }), ...(at === undefined ? {} : { at }) };
    points.push({ trial, rung, value, endedCalls: n + 1, ...known });
  }
  return points;
}

function bestTrial(trials: readonly TrialView[], { began }: StudyFacts): number | undefined {
  const sign = signOf(began.objectives[0]);
  let best: { readonly number: number; readonly score: number } | undefined;
  for (const { number, values } of trials.flatMap(withValues)) {
    const score = (values[0] ?? Number.NaN) * sign;
    if (best === undefined || score > best.score) best = { number, score };
  }
  return best?.number;
}

/** Trials whose last call ended well, or that are at work again after it did. */
function withValues(trial: TrialView): { readonly number: number; readonly values: readonly number[] }[] {
  return 'values' in trial && trial.values !== undefined && trial.values.length > 0
    ? [{ number: trial.number, values: trial.values }]
    : [];
}
