import { deriveSeed } from '../../digest.js';
import { checkOptions } from '../../options.js';
import type { CallEnd, Move, Scheduler, SchedulerOptions } from '../scheduler.js';
import { checkWholeNumber, invalidOption } from './check-number.js';
import { OpenCalls } from './open-calls.js';
import { byValue, type Result } from './result.js';
import { Sorted } from './sorted.js';

export interface PopulationOptions {
  /** Budget between two exchanges. */
  readonly interval: number;
  /** Budget of each member in all. */
  readonly max: number;
  /** Members; the study's trials. */
  readonly size: number;
  /** So many (share, above 0 to 0.5) of the worst take over from as many of the best; default 0.25. */
  readonly quantile?: number;
}

type PopulationRule = Required<PopulationOptions>;

/**
 * Population-based training (Jaderberg et al., 2017): all trials are trained to `max`, in parts of `interval`; between
 * two parts a bad one takes over checkpoint and parameters of a good one and perturbs the parameters.
 */
export function population(options: PopulationOptions): SchedulerOptions {
  return { kind: 'population', ...resolvePopulation('population', options) };
}

/** Refuses what cannot be kept (USER_OPTION_UNKNOWN, USER_OPTION_INVALID), and fills in the defaults. */
export function resolvePopulation(owner: string, options: PopulationOptions): PopulationRule {
  checkOptions(owner, options, ['interval', 'max', 'size', 'quantile']);
  const { interval, max, size, quantile = 0.25 } = options;
  checkWholeNumber(owner, 'interval', interval, 1);
  checkWholeNumber(owner, 'max', max, 1);
  checkWholeNumber(owner, 'size', size, 2);
  if (interval > max) throw invalidOption(owner, 'interval', interval, `Use at most max, which is ${max}.`);
  if (!(quantile > 0 && quantile <= 0.5)) {
    throw invalidOption(owner, 'quantile', quantile, 'Use a share above 0, at most 0.5.');
  }
  return { interval, max, size, quantile };
}

interface Member {
  readonly trial: number;
  /** That has ended. */
  readonly rung: number;
  /** Absent of a call that failed. */
  readonly value: number | undefined;
}

interface Generation {
  /** Calls that have ended on this rung, failed ones included, of which each counts as the worst. */
  ended: number;
  /** The others, the best first. */
  readonly ranked: Sorted<Result>;
  /** Failed before anybody had a value here to go on from. */
  readonly stranded: Member[];
}

/**
 * Asynchronous: a member is compared, when it gets a slot, with those that have come as far by then, at equal budget.
 * Those that are behind get slots first. A failed member always takes over from a good one; if there is none yet it
 * waits, and if none comes it is dead.
 */
export class Population implements Scheduler {
  private readonly calls = new OpenCalls();
  private readonly waiting = new Sorted<Member>((a, b) => a.rung - b.rung || a.trial - b.trial);
  /** By rung. */
  private readonly generations = new Map<number, Generation>();
  private started = 0;

  constructor(private readonly rule: PopulationRule) {}

  next(): Move {
    if (this.started === this.rule.size) return this.goOn();
    const trial = this.started++;
    this.calls.begin(trial, 0);
    return { kind: 'start', trial, budget: this.rule.interval };
  }

  goOn(): Move {
    const member = this.waiting.takeFirst();
    if (member === undefined) return { kind: this.calls.size > 0 ? 'wait' : 'done' };
    const from = this.takesOverFrom(member);
    const rung = member.rung + 1;
    this.calls.begin(member.trial, rung);
    return {
      kind: 'continue',
      trial: member.trial,
      rung,
      budget: Math.min((rung + 1) * this.rule.interval, this.rule.max),
      ...(from === undefined ? {} : { exploit: { trial: from, rung: member.rung } }),
    };
  }

  ended(end: CallEnd): void {
    const value = this.calls.end(end);
    const { trial, rung } = end;
    const generation = this.generation(rung);
    generation.ended++;
    if (value !== undefined) generation.ranked.add({ trial, value });
    if ((rung + 1) * this.rule.interval >= this.rule.max) return;
    if (value === undefined && generation.ranked.size === 0) {
      generation.stranded.push({ trial, rung, value });
      return;
    }
    for (const member of [{ trial, rung, value }, ...generation.stranded.splice(0)]) this.waiting.add(member);
  }

  /**
   * One of the best, for a member among the worst; in numbers as Ray Tune: ⌈n · quantile⌉, at most half. None where the
   * best are no better.
   */
  private takesOverFrom({ trial, rung, value }: Member): number | undefined {
    const { ended, ranked } = this.generation(rung);
    // Floats: 100 · 0.07 is a little above 7.
    const share = Math.max(Math.ceil(ended * this.rule.quantile - 1e-9), 1);
    const few = Math.min(share, Math.floor(ended / 2));
    if (value !== undefined && ranked.rank({ trial, value }) < ended - few) return undefined;
    const better = value === undefined ? ranked.size : ranked.rank({ trial: -1, value });
    const best = Math.min(few, better);
    // Of none, the remainder is NaN, and nobody has that place.
    return ranked.at(deriveSeed(rung, String(trial)) % best)?.trial;
  }

  private generation(rung: number): Generation {
    let found = this.generations.get(rung);
    if (found === undefined) {
      found = { ended: 0, ranked: new Sorted(byValue), stranded: [] };
      this.generations.set(rung, found);
    }
    return found;
  }
}
