import { CancellationScope, inWorkflowContext } from '@temporalio/workflow';
import { jsonLength } from '../json-size.js';
import { builtIn } from '../protocol.js';
import { openPoints } from './point-samplers.js';
import { isPointSampler } from './samplers.js';
import { drawAll, isParameter, type Params, type Scalar, type Space } from './space.js';
import type { StudyPlan } from './study-plan.js';
import type { OptunaSampler, SamplerEvent, SuggestAnswer, SuggestRequest } from './suggest.js';

/** Says which parameters a trial has. */
export interface Suggestions {
  suggest(trial: number): Promise<Params>;
  happened(event: SamplerEvent): void;
  /** All that has happened was told in an earlier run. */
  restored(): void;
  /** The study ends: what is asked is not waited for. */
  stop(): void;
}

type Ask = (type: string, argument: unknown, summary: string) => Promise<unknown>;

/** @param execution names the execution of the study; `asked` is told of each request to a sampler, when it is made */
export function openSuggestions(
  plan: StudyPlan,
  execution: string,
  { ask, asked }: { readonly ask: Ask; readonly asked: (trials: readonly number[]) => void },
): Suggestions {
  const { sampler, space, seed } = plan;
  if (!isPointSampler(sampler)) return new OptunaSuggestions(plan, sampler, execution, ask, asked);
  const points = openPoints(`search "${plan.study}"`, sampler, space, seed);
  const first = plan.guesses.length;
  return {
    suggest: async (trial) => points(trial - first) as Params,
    happened: () => undefined,
    restored: () => undefined,
    stop: () => undefined,
  };
}

const mostEventBytes = 500_000;

interface Waiting {
  readonly trial: number;
  readonly resolve: (params: Params) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks the warm Optuna process, one request at a time: what happened meanwhile travels with the next one, and trials that
 * wait are suggested together. A process that does not know the study is told all of it, in parts that a payload holds.
 */
class OptunaSuggestions implements Suggestions {
  private readonly events: SamplerEvent[] = [];
  /** How many events the process was told. */
  private told = 0;
  private waiting: Waiting[] = [];
  private isAsking = false;
  private readonly variable: Space;
  private readonly scope = inWorkflowContext() ? new CancellationScope({ cancellable: true }) : undefined;

  constructor(
    private readonly plan: StudyPlan,
    private readonly sampler: OptunaSampler,
    private readonly execution: string,
    private readonly ask: Ask,
    private readonly asked: (trials: readonly number[]) => void,
  ) {
    this.variable = Object.fromEntries(Object.entries(plan.space).filter(([, part]) => isParameter(part)));
    for (const { params, values } of plan.warmStart) {
      this.happened({ event: 'added', params, state: 'complete', values });
    }
  }

  suggest(trial: number): Promise<Params> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ trial, resolve, reject });
      if (!this.isAsking) void this.answerAll();
    });
  }

  happened(event: SamplerEvent): void {
    this.events.push('params' in event ? { ...event, params: this.variableOf(event.params) } : event);
  }

  restored(): void {
    this.told = this.events.length;
  }

  stop(): void {
    if (this.isAsking) this.scope?.cancel();
  }

  private async answerAll(): Promise<void> {
    this.isAsking = true;
    // Trials that are wanted in the same moment are asked for together.
    await Promise.resolve();
    while (this.waiting.length > 0) {
      const now = this.waiting.splice(0);
      const trials = now.map(({ trial }) => trial);
      this.asked(trials);
      try {
        const suggestions = await this.request(trials);
        // The process has answered before it hears of what happened meanwhile.
        const answered = trials.map(
          (trial, i) => ({ event: 'asked', trial, params: suggestions[i] as Params }) as const,
        );
        this.events.splice(this.told, 0, ...answered);
        this.told += answered.length;
        for (const [i, { resolve }] of now.entries()) {
          resolve(drawAll(this.plan.space, (name) => (suggestions[i] as Params)[name] as Scalar));
        }
      } catch (error) {
        for (const { reject } of now) reject(error);
      }
    }
    this.isAsking = false;
  }

  private async request(trials: readonly number[]): Promise<readonly Params[]> {
    const count = this.events.length;
    if (this.partFrom(this.told, count) === count) {
      const answer = await this.send(this.told, count, trials);
      if ('suggestions' in answer) return answer.suggestions;
    }
    // The process is a new one, or what it is to be told is too much for one payload.
    for (let since = 0; ; ) {
      const until = this.partFrom(since, count);
      const isLast = until === count;
      const answer = await this.send(since, until, isLast ? trials : []);
      // Recycled in between: from the beginning.
      if (!('suggestions' in answer)) since = 0;
      else if (isLast) return answer.suggestions;
      else since = until;
    }
  }

  private partFrom(since: number, count: number): number {
    let until = since;
    for (let bytes = 0; until < count && bytes < mostEventBytes; until++) {
      bytes += jsonLength(this.events[until]);
    }
    return until;
  }

  private async send(since: number, until: number, trials: readonly number[]): Promise<SuggestAnswer> {
    const { study, objectives, seed } = this.plan;
    const request: SuggestRequest = {
      study: this.execution,
      sampler: this.sampler,
      objectives,
      space: this.variable,
      seed,
      since,
      events: this.events.slice(since, until),
      trials,
    };
    this.told = until;
    const which = trials.length === 1 ? `trial ${trials[0]}` : `${trials.length} trials`;
    const ask = () => this.ask(builtIn.suggest, request, `${study}: parameters for ${which}`);
    return (await (this.scope === undefined ? ask() : this.scope.run(ask))) as SuggestAnswer;
  }

  private variableOf(params: Params): Params {
    return Object.fromEntries(
      Object.entries(params).filter(([name]) => this.variable[name] !== undefined && params[name] !== undefined),
    ) as Params;
  }
}
