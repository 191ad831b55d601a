import { judgeRollout } from '../../activities/deployment/rollout-guards.js';
import type { LiveCounts, Moments } from '../../workflows/sdk/model/live-report.js';
import type { RolloutFacts, RolloutGuards } from '../../workflows/sdk/model/rollout-guards.js';
import { seeded } from './random.js';

/** How a version truly behaves; all its requests are labelled. */
export interface Behaviour {
  readonly errorRate: number;
  /** True 95th percentile of its latency, which is exponential. */
  readonly p95Ms: number;
  readonly accuracy?: number;
  /** Standard deviation of its errors; heavy: they are log-normal, σ = 1, instead of normal, and that is their scale. */
  readonly scale?: number;
  readonly isHeavy?: boolean;
}

export interface LiveRollout {
  readonly guards: RolloutGuards;
  readonly champion: Behaviour;
  readonly challenger: Behaviour;
}

export interface Aborted {
  /** Of both versions, since the rollout began. */
  readonly requests: number;
  /** Of the challenger. */
  readonly served: number;
  readonly facts: RolloutFacts;
}

/** A bound at 200 ms, so that a guard of 200 has no slack. */
const boundsMs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const requests = 20_000;
const lookEvery = 20;
/** Percent of the challenger, and up to which request. */
const stages = [
  { percent: 10, until: 6_000 },
  { percent: 50, until: 13_000 },
  { percent: 100, until: requests },
];

/** Lets requests arrive through all stages, and looks at the counts after every 20; where that aborted it, or undefined. */
export function liveRollout({ guards, champion, challenger }: LiveRollout, seed: number): Aborted | undefined {
  const uniform = seeded(seed);
  const arms = { champion: new Arm(champion, uniform), challenger: new Arm(challenger, uniform) };
  for (let request = 1; request <= requests; request++) {
    const percent = stages.find(({ until }) => request <= until)?.percent ?? 100;
    arms[uniform() * 100 < percent ? 'challenger' : 'champion'].serve();
    if (request % lookEvery !== 0) continue;
    const { abort, facts } = judgeRollout(guards, arms.champion.counts(), arms.challenger.counts());
    if (abort !== undefined) return { requests: request, served: arms.challenger.counts().requests, facts };
  }
  return undefined;
}

class Arm {
  #requests = 0;
  #errors = 0;
  readonly #latency = boundsMs.map(() => 0).concat(0);
  readonly #scores = { accuracy: new Running(), absoluteError: new Running(), squaredError: new Running() };
  readonly #is: Behaviour;
  readonly #uniform: () => number;

  constructor(is: Behaviour, uniform: () => number) {
    this.#is = is;
    this.#uniform = uniform;
  }

  serve(): void {
    const { errorRate, p95Ms, accuracy } = this.#is;
    this.#requests++;
    if (this.#uniform() < errorRate) this.#errors++;
    const ms = (-Math.log(1 - this.#uniform()) * p95Ms) / Math.log(20);
    const bucket = boundsMs.findIndex((bound) => ms <= bound);
    const at = bucket === -1 ? boundsMs.length : bucket;
    this.#latency[at] = (this.#latency[at] as number) + 1;
    if (accuracy !== undefined) this.#scores.accuracy.add(this.#uniform() < accuracy ? 1 : 0);
    else this.#err();
  }

  #err(): void {
    const { scale = 1, isHeavy = false } = this.#is;
    const normal = Math.sqrt(-2 * Math.log(1 - this.#uniform())) * Math.cos(2 * Math.PI * this.#uniform());
    const error = scale * (isHeavy ? Math.exp(normal) : Math.abs(normal));
    this.#scores.absoluteError.add(error);
    this.#scores.squaredError.add(error * error);
  }

  counts(): LiveCounts {
    const { accuracy, absoluteError, squaredError } = this.#scores;
    const scores =
      this.#is.accuracy === undefined
        ? { absoluteError: absoluteError.moments(), squaredError: squaredError.moments() }
        : { accuracy: accuracy.moments() };
    return { requests: this.#requests, errors: this.#errors, latency: { boundsMs, counts: this.#latency }, scores };
  }
}

/** Welford, Note on a Method for Calculating Corrected Sums of Squares and Products (1962). */
class Running {
  #count = 0;
  #mean = 0;
  #squares = 0;

  add(value: number): void {
    this.#count++;
    const gap = value - this.#mean;
    this.#mean += gap / this.#count;
    this.#squares += gap * (value - this.#mean);
  }

  moments(): Moments {
    return {
      count: this.#count,
      mean: this.#mean,
      variance: this.#count < 2 ? 0 : this.#squares / (this.#count - 1),
    };
  }
}

const limits = { errorRate: 0.02, p95Ms: 200 } as const;
const good = { errorRate: 0.01, p95Ms: 100, accuracy: 0.9 } as const;
const atLimits = { ...limits, accuracy: 0.9 } as const;
const byAccuracy = { ...limits, metric: { name: 'accuracy' } } as const;
const inErrors = (more: Partial<Behaviour> = {}): Behaviour => ({ errorRate: 0.01, p95Ms: 100, scale: 1, ...more });

/** Rollouts of a challenger that is as good as it must be: each abort is a false one. */
export const innocent = {
  'equal, at the limit of every guard': { guards: byAccuracy, champion: atLimits, challenger: atLimits },
  'equal, at half of the limits': { guards: byAccuracy, champion: good, challenger: good },
  'accuracy worse by exactly what is allowed': {
    guards: { metric: { name: 'accuracy', worseBy: 0.05 } },
    champion: good,
    challenger: { ...good, accuracy: 0.85 },
  },
  'equal, accuracy 0.99, no error allowed and none made': {
    guards: { ...byAccuracy, errorRate: 0 },
    champion: { ...atLimits, errorRate: 0, accuracy: 0.99 },
    challenger: { ...atLimits, errorRate: 0, accuracy: 0.99 },
  },
  'equal mae, normal errors': {
    guards: { metric: { name: 'mae' } },
    champion: inErrors(),
    challenger: inErrors(),
  },
  'rmse worse by exactly what is allowed, normal errors': {
    guards: { metric: { name: 'rmse', worseBy: 0.2 } },
    champion: inErrors(),
    challenger: inErrors({ scale: 1.2 }),
  },
  'equal mae, heavy-tailed errors': {
    guards: { metric: { name: 'mae' } },
    champion: inErrors({ isHeavy: true }),
    challenger: inErrors({ isHeavy: true }),
  },
  'equal rmse, heavy-tailed errors': {
    guards: { metric: { name: 'rmse' } },
    champion: inErrors({ isHeavy: true }),
    challenger: inErrors({ isHeavy: true }),
  },
} as const satisfies Readonly<Record<string, LiveRollout>>;

/** Rollouts of a challenger that is worse than it may be, which guard must find it, and in how many of its requests. */
export const guilty = {
  'accuracy 0.80, not 0.90': {
    guards: byAccuracy,
    champion: good,
    challenger: { ...good, accuracy: 0.8 },
    by: 'metric',
    within: 1_000,
  },
  'error rate 10 %, limit 2 %': {
    guards: byAccuracy,
    champion: good,
    challenger: { ...good, errorRate: 0.1 },
    by: 'errorRate',
    within: 400,
  },
  'p95 of 600 ms, limit 200 ms': {
    guards: byAccuracy,
    champion: good,
    challenger: { ...good, p95Ms: 600 },
    by: 'p95Ms',
    within: 100,
  },
  'every request fails': {
    guards: byAccuracy,
    champion: good,
    challenger: { ...good, errorRate: 1 },
    by: 'errorRate',
    within: 40,
  },
  'mae larger by a quarter, normal errors': {
    guards: { ...limits, metric: { name: 'mae' } },
    champion: inErrors(),
    challenger: inErrors({ scale: 1.25 }),
    by: 'metric',
    within: 1_000,
  },
  'rmse larger by a quarter, normal errors': {
    guards: { ...limits, metric: { name: 'rmse' } },
    champion: inErrors(),
    challenger: inErrors({ scale: 1.25 }),
    by: 'metric',
    within: 1_000,
  },
} as const satisfies Readonly<Record<string, LiveRollout & { by: keyof RolloutFacts; within: number }>>;
