import { scheduleActivity } from '@temporalio/workflow';
import { z } from 'zod';
import type { PipelineDefinition } from '../definitions.js';
import { gate } from '../gate.js';
import { pipeline } from '../pipeline.js';
import { builtIn } from '../protocol.js';
import { deploy, finalCodes } from './deploy.js';
import type { Servable } from './deployment.js';
import { type ResolvedStage, type RolloutTerms, stageLabel } from './rollout-rule.js';
import type { WatchAnswer, WatchRequest } from './rollout-watch.js';

/**
 * How a version that is to become the champion takes over: its share of the requests grows in stages, each held for a
 * time under guards. A run of its own changes the shares; the model promotes when it completes, and restores the champion
 * however else it ends.
 */

/** Each costs the history a dozen events. */
const mostShifts = 300;

const RolloutInput = z.lazy(() =>
  z.object({
    model: z.string(),
    /** Of all that this rollout deploys: what the model deploys afterwards has a greater one. */
    revision: z.int(),
    champion: z.custom<Servable>(),
    challenger: z.custom<Servable>(),
    terms: z.custom<RolloutTerms>(),
  }),
);

export type RolloutInput = z.output<typeof RolloutInput>;

/** The run that carries out a rollout; a gate that rejects is what takes it back, with its reason among the facts. */
export function rollout(model: string): PipelineDefinition {
  return pipeline(
    `${model}.rollout`,
    { input: RolloutInput, description: `a challenger of ${model} takes over in stages` },
    async (input): Promise<{ reason: string }> => {
      const run = new Rollout(input);
      const labels: string[] = [];
      for (const stage of input.terms.stages) {
        const label = stageLabel(stage);
        const answer = await run.hold(stage);
        const isWell = answer.ended === 'held' || answer.ended === 'won';
        gate(`stage ${label}`, isWell, { reason: answer.reason ?? `held: ${label}`, stage: label, ...answer.facts });
        labels.push(label);
        if (answer.ended === 'won') break;
      }
      return { reason: `rolled out: ${labels.join(', ')}` };
    },
  );
}

class Rollout {
  private stage = 0;

  constructor(private readonly input: RolloutInput) {}

  /** Until the time is over, a guard speaks, or the labels have decided. */
  async hold(stage: ResolvedStage): Promise<WatchAnswer> {
    const isBandit = 'metric' in stage;
    let share = isBandit ? { percent: 50, isShadow: false } : stage;
    await this.split(share);
    const until = Date.now() + stage.holdMs;
    const lookEveryMs = Math.max(this.input.terms.lookEveryMs, isBandit ? stage.holdMs / mostShifts : 0);
    for (;;) {
      const answer = await this.watch(until, lookEveryMs, isBandit ? { ...stage, percent: share.percent } : undefined);
      if (answer.ended !== 'shifted') return answer;
      share = { percent: answer.percent ?? share.percent, isShadow: false };
      await this.split(share);
    }
  }

  private async split({ percent, isShadow }: { percent: number; isShadow: boolean }): Promise<void> {
    const { model, revision, champion, challenger } = this.input;
    this.stage += 1;
    const share = { ...challenger, percent, ...(isShadow ? { isShadow } : {}) };
    const summary = `${model}: ${percent} % ${isShadow ? 'in the shadow ' : ''}for version ${challenger.version}`;
    await deploy({ ...champion, model, revision, stage: this.stage, challenger: share }, { summary });
  }

  private watch(until: number, lookEveryMs: number, bandit: WatchRequest['bandit']): Promise<WatchAnswer> {
    const { model, revision, champion, challenger, terms } = this.input;
    const request: WatchRequest = {
      model,
      revision,
      champion: champion.version,
      challenger: challenger.version,
      guards: terms.guards,
      until,
      minRequests: terms.minRequests,
      lookEveryMs,
      ...(bandit === undefined ? {} : { bandit }),
    };
    return scheduleActivity<WatchAnswer>(builtIn.watch, [request], {
      startToCloseTimeout: 60_000,
      heartbeatTimeout: 10_000,
      // Each look but the last fails, and says when the next is due: nothing is held in between.
      retry: { initialInterval: lookEveryMs, backoffCoefficient: 1, nonRetryableErrorTypes: finalCodes },
      summary: `look after version ${challenger.version} of ${model}`,
    });
  }
}
