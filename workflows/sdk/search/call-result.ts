import type { StepPath } from '../run-scope.js';
import type { Move } from './scheduler.js';
import type { CallResult, StudyPlan } from './study-plan.js';
import type { SamplerEvent } from './suggest.js';
import type { Outcome } from './trial-call.js';
import type { CallPlace, TrialRows } from './trial-rows.js';

/** A call of a trial as the scheduler began it. */
export type Begun = Exclude<Move, { readonly kind: 'wait' | 'done' }>;

export type Ended = Outcome & { readonly tookMs: number; readonly sameAs?: number };

/** What the call is given; without a scheduler nothing. */
export function budgetOf({ scheduler }: StudyPlan, { budget }: Begun): number | undefined {
  return scheduler === undefined ? undefined : budget;
}

/** Where its steps are in the run, and which calls they go on from. */
export function pathOf(plan: StudyPlan, at: StepPath, move: Begun, lineage: readonly CallPlace[]): StepPath {
  const { study, stop, objectives } = plan;
  const prefix = prefixOf(study, move.trial, rungOf(move));
  const resumes = lineage.map(({ trial, rung, runId }) => ({ prefix: prefixOf(study, trial, rung), runId }));
  return {
    prefix,
    groups: [...at.groups, study.slice(at.prefix.length)],
    trial: {
      prefix,
      seedPrefix: prefixOf(study, move.trial, 0),
      resumes: resumes.reverse(),
      ...(stop === undefined ? {} : { reports: objectives[0]?.metric as string }),
    },
  };
}

/** What ids of a trial's steps begin with. */
function prefixOf(study: string, trial: number, rung: number): string {
  return `${study}[${trial}]${rung === 0 ? '' : `@${rung}`}/`;
}

function rungOf(move: Begun): number {
  return move.kind === 'start' ? 0 : move.rung;
}

export function resultOf(plan: StudyPlan, rows: TrialRows, move: Begun, ended: Ended): CallResult {
  const { budget, values } = reached(plan, rows, move, ended);
  const isLast = plan.scheduler === undefined || budget === plan.scheduler.max;
  return {
    trial: move.trial,
    rung: rungOf(move),
    ...(budget === undefined ? {} : { budget }),
    params: rows.row(move.trial).params,
    state: ended.state !== 'done' ? ended.state : isLast ? 'completed' : 'paused',
    ...(values === undefined ? {} : { values }),
    seconds: ended.tookMs / 1000,
    ...(ended.state === 'failed' ? { failure: { code: ended.code, message: ended.message } } : {}),
    ...(ended.sameAs === undefined ? {} : { sameAs: ended.sameAs }),
    ...(move.kind === 'continue' && move.exploit !== undefined ? { from: move.exploit } : {}),
  };
}

type Reached = { readonly [F in 'budget' | 'values']?: CallResult[F] | undefined };

/** What the trial has now: where a call was stopped and had reported nothing, what the call before came to. */
function reached(plan: StudyPlan, rows: TrialRows, move: Begun, ended: Ended): Reached {
  if (ended.state !== 'stopped') {
    return { budget: budgetOf(plan, move), values: ended.state === 'done' ? ended.values : undefined };
  }
  if (ended.values !== undefined) return { budget: ended.at, values: ended.values };
  const isSame = move.kind === 'continue' && move.exploit === undefined;
  return isSame ? rows.call(move.trial, move.rung - 1).result : {};
}

/** What its sampler is told of it. */
export function samplerEvent({ trial, rung, state, values, budget, params }: CallResult): SamplerEvent {
  const told =
    values === undefined
      ? ({ state: 'failed' } as const)
      : state === 'completed' || budget === undefined
        ? ({ state: 'complete', values } as const)
        : ({ state: 'pruned', budget, value: values[0] as number } as const);
  return rung === 0 ? { event: 'told', trial, ...told } : { event: 'added', params, ...told };
}
