import type { Scheduler, SchedulerOptions } from '../scheduler.js';
import { openAsha } from './asha.js';
import { invalidOption } from './check-number.js';
import { resolveHalving } from './halving.js';
import { openHyperband } from './hyperband.js';
import { Population, resolvePopulation } from './population.js';
import { SuccessiveHalving } from './successive-halving.js';

/**
 * The scheduler of a study of so many trials. It keeps nothing but what follows from the calls that it has begun and their
 * ends, in order: doing the same with a new one brings it to the same state (`wait` and `done` change nothing).
 *
 * USER_OPTION_INVALID, USER_OPTION_UNKNOWN: the options are none that the makers (`asha` and so on) return; a population
 * whose size is not the number of trials.
 */
export function openScheduler(options: SchedulerOptions, trials: number): Scheduler {
  switch (options.kind) {
    case 'asha':
    case 'successive-halving': {
      const { kind, ...rule } = options;
      const halving = resolveHalving(kind, rule);
      return kind === 'asha' ? openAsha(halving, trials) : new SuccessiveHalving(halving, trials);
    }
    case 'hyperband': {
      const { kind, ...rule } = options;
      return openHyperband(resolveHalving(kind, rule), trials);
    }
    case 'population': {
      const { kind, ...rule } = options;
      if (rule.size !== trials) {
        throw invalidOption(kind, 'size', rule.size, `The study has ${trials} trials: one for each member.`);
      }
      return new Population(resolvePopulation(kind, rule));
    }
    default: {
      const unknown: { readonly kind?: unknown } = options;
      const remedy = 'Use asha(), successiveHalving(), hyperband() or population().';
      throw invalidOption('scheduler', 'kind', unknown.kind, remedy);
    }
  }
}
