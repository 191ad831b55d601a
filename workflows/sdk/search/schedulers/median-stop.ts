import { checkOptions } from '../../options.js';
import type { MedianStopOptions, Stopper } from '../scheduler.js';
import { checkWholeNumber } from './check-number.js';
import { Sorted } from './sorted.js';

export interface MedianOptions {
  /** Reports before this epoch stop nobody; default 1. */
  readonly grace?: number;
  /** Other trials that must have reported as far before a trial is stopped; default 3. */
  readonly minTrials?: number;
}

/**
 * The median rule of Vizier (Golovin et al., 2017): a trial is stopped at an epoch if the best value that it has reported
 * so far is below the median of what the other trials had reported on average up to that epoch.
 */
export function medianStop(options: MedianOptions = {}): MedianStopOptions {
  return { kind: 'median-stop', ...resolve(options) };
}

/**
 * The stopper of a study; the same reports in the same order give the same answers. USER_OPTION_INVALID,
 * USER_OPTION_UNKNOWN: the options are none that `medianStop` returns.
 */
export function openStopper({ kind: _, ...options }: MedianStopOptions): Stopper {
  return new MedianStopper(resolve(options));
}

function resolve(options: MedianOptions): Required<MedianOptions> {
  const owner = 'medianStop';
  checkOptions(owner, options, ['grace', 'minTrials']);
  const { grace = 1, minTrials = 3 } = options;
  checkWholeNumber(owner, 'grace', grace, 0);
  checkWholeNumber(owner, 'minTrials', minTrials, 1);
  return { grace, minTrials };
}

/**
 * Each epoch that anybody has reported at keeps the averages of all trials that have come as far, so a report costs a few
 * insertions; the first at an epoch looks at all trials.
 */
class MedianStopper implements Stopper {
  private readonly curves = new Map<number, Curve>();
  /** By epoch. */
  private readonly averages = new Map<number, Sorted<number>>();
  private readonly epochs = new Sorted<number>(ascending);

  constructor(private readonly rule: Required<MedianOptions>) {}

  /**
   * A trial that is stopped stays so. A report that does not go beyond the trial's last one is of an attempt that repeats
   * what an earlier one said, and is ignored, as is a value that is not finite.
   */
  reported(trial: number, at: number, value: number): boolean {
    const curve = this.curve(trial);
    if (curve.isStopped) return true;
    if (!(at > curve.last) || !Number.isFinite(value)) return false;
    this.pass(curve, at);
    const others = this.averagesAt(at);
    curve.add(at, value);
    const isJudged = at >= this.rule.grace && others.size >= this.rule.minTrials;
    curve.isStopped = isJudged && curve.best < median(others);
    others.add(curve.average());
    return curve.isStopped;
  }

  /** What it has reported still counts, and it may report more when it goes on. */
  ended(): void {}

  private curve(trial: number): Curve {
    let curve = this.curves.get(trial);
    if (curve === undefined) {
      curve = new Curve();
      this.curves.set(trial, curve);
    }
    return curve;
  }

  /** The trial has nothing new to say of epochs that it has skipped. */
  private pass(curve: Curve, to: number): void {
    if (curve.isEmpty) return;
    for (let index = this.epochs.rank(curve.last); index < this.epochs.rank(to); index++) {
      const epoch = this.epochs.at(index) as number;
      if (epoch > curve.last) this.averages.get(epoch)?.add(curve.average());
    }
  }

  private averagesAt(epoch: number): Sorted<number> {
    let found = this.averages.get(epoch);
    if (found === undefined) {
      found = new Sorted(ascending);
      for (const curve of this.curves.values()) {
        if (curve.first < epoch && epoch < curve.last) found.add(curve.average(epoch));
      }
      this.averages.set(epoch, found);
      this.epochs.add(epoch);
    }
    return found;
  }
}

/** What a trial has reported. */
class Curve {
  best = Number.NEGATIVE_INFINITY;
  isStopped = false;
  private readonly epochs = new Sorted<number>(ascending);
  /** Of the first value, the first two and so on. */
  private readonly sums: number[] = [];

  get isEmpty(): boolean {
    return this.sums.length === 0;
  }

  get first(): number {
    return this.epochs.first ?? Number.POSITIVE_INFINITY;
  }

  get last(): number {
    return this.epochs.at(this.epochs.size - 1) ?? Number.NEGATIVE_INFINITY;
  }

  add(at: number, value: number): void {
    this.epochs.add(at);
    this.sums.push((this.sums.at(-1) ?? 0) + value);
    this.best = Math.max(this.best, value);
  }

  /** Of all its values, or of those before an epoch; there are some. */
  average(before = Number.POSITIVE_INFINITY): number {
    const count = this.epochs.rank(before);
    return (this.sums[count - 1] as number) / count;
  }
}

function ascending(a: number, b: number): number {
  return a - b;
}

/** Of an even number, the middle of the two in the middle. */
function median(values: Sorted<number>): number {
  const middle = values.size >>> 1;
  const upper = values.at(middle) as number;
  return values.size % 2 === 1 ? upper : ((values.at(middle - 1) as number) + upper) / 2;
}
