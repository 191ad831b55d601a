import type { CallEnd, Move, Scheduler, SchedulerOptions } from '../scheduler.js';
import { Bracket } from './bracket.js';
import { type Halving, type HalvingOptions, resolveHalving, rungBudgets } from './halving.js';

/**
 * Asynchronous successive halving (Li et al., 2020): whenever a slot is free, the best trial that is among the best one
 * in `eta` on its rung goes on; where there is none, a new trial begins. Nothing waits for stragglers.
 */
export function asha(options: HalvingOptions): SchedulerOptions {
  return { kind: 'asha', ...resolveHalving('asha', options) };
}

export function openAsha(halving: Halving, trials: number): Scheduler {
  const bracket = new Bracket(rungBudgets(halving), halving.eta);
  return new Asha([bracket], Array<Bracket>(trials).fill(bracket));
}

/**
 * The rule of ASHA over one bracket, or several (Hyperband). The rule has no end: after the last trial, rungs with fewer
 * than `eta` results stay where they are. Here, when nothing in a bracket is at work or can begin, its best paused trial
 * of the highest rung goes on, until one has ended on the last rung or all that could have failed.
 */
export class Asha implements Scheduler {
  private started = 0;

  constructor(
    private readonly brackets: readonly Bracket[],
    /** The bracket of each trial. */
    private readonly dealt: readonly Bracket[],
  ) {}

  next(): Move {
    return this.promotion() ?? this.dealt[this.started]?.start(this.started++) ?? this.finish();
  }

  goOn(): Move {
    return this.promotion() ?? this.finish();
  }

  ended(end: CallEnd): void {
    const bracket = this.dealt[end.trial];
    if (bracket === undefined) throw new Error(`scheduler: there is no trial ${end.trial}.`);
    bracket.ended(end);
  }

  private promotion(): Move | undefined {
    return this.first((bracket) => bracket.promote());
  }

  private finish(): Move {
    const finish = this.first((one) => (one.open === 0 ? one.finish() : undefined));
    return finish ?? { kind: this.brackets.some(({ open }) => open > 0) ? 'wait' : 'done' };
  }

  private first(move: (bracket: Bracket) => Move | undefined): Move | undefined {
    for (const bracket of this.brackets) {
      const found = move(bracket);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
