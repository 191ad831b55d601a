import { EvertrainError, show } from '../errors.js';
import { checkOptions } from '../options.js';
import type { PointSampler } from './point-samplers.js';
import type { Objective } from './study-record.js';
import type { OptunaSampler } from './suggest.js';

/** Who says which parameters are tried next. */
export type Sampler = PointSampler | OptunaSampler;

/** Independent draws. Needs no Python, as `quasiRandom` and `grid`. */
export function random(): Sampler {
  return { kind: 'random' };
}

/** Draws that cover the space evenly: a low-discrepancy sequence, shifted by the seed. */
export function quasiRandom(): Sampler {
  return { kind: 'quasi-random' };
}

/** Every combination, the last parameter varying first; `points` on the scale of each number that has no `step`. */
export function grid(options: { readonly points?: number } = {}): Sampler {
  checkOptions('grid', options, ['points']);
  checkCount('grid: points', options.points, 1);
  return { kind: 'grid', ...options };
}

/**
 * Optuna's tree-structured Parzen estimator: learns from results where good parameters are. `multivariate` learns
 * parameters together; `startup` trials are random first (default 10); `constantLiar` keeps trials at work at a distance.
 */
export function tpe(
  options: { readonly multivariate?: boolean; readonly startup?: number; readonly constantLiar?: boolean } = {},
): Sampler {
  checkOptions('tpe', options, ['multivariate', 'startup', 'constantLiar']);
  checkCount('tpe: startup', options.startup, 0);
  return { kind: 'tpe', ...options };
}

/** Optuna's covariance matrix adaptation evolution strategy, for numbers in a space without conditions. */
export function cmaEs(): Sampler {
  return { kind: 'cma-es' };
}

/** Optuna's Gaussian process: few, dear trials. */
export function gp(): Sampler {
  return { kind: 'gp' };
}

/** Optuna's NSGA-II: several objectives. `population` trials make a generation (default 50). */
export function nsga2(options: { readonly population?: number } = {}): Sampler {
  checkOptions('nsga2', options, ['population']);
  checkCount('nsga2: population', options.population, 2);
  return { kind: 'nsga2', ...options };
}

const kinds = ['random', 'quasi-random', 'grid', 'tpe', 'cma-es', 'gp', 'nsga2'];

export function isPointSampler(sampler: Sampler): sampler is PointSampler {
  return kinds.indexOf(sampler.kind) < 3;
}

export function checkSampler(owner: string, sampler: Sampler, objectives: readonly Objective[]): void {
  if (!kinds.includes(sampler?.kind)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: there is no sampler ${show(sampler)}.`, {
      value: sampler,
      remedy: 'Use random(), quasiRandom(), grid(), tpe(), cmaEs(), gp() or nsga2().',
    });
  }
  if (sampler.kind !== 'cma-es' || objectives.length === 1) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner}: cmaEs() takes one objective.`, {
    value: objectives.length,
    remedy: 'Use nsga2(), tpe() or gp() for several.',
  });
}

/** A sampler or scheduler for people: `tpe(multivariate)`. */
export function asText({ kind, ...options }: { readonly kind: string }): string {
  const shown = Object.entries(options)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => (value === true ? name : `${name}=${String(value)}`));
  return shown.length === 0 ? kind : `${kind}(${shown.join(', ')})`;
}

function checkCount(owner: string, count: number | undefined, least: number): void {
  if (count === undefined || (Number.isInteger(count) && count >= least)) return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner} is ${show(count)}.`, {
    value: count,
    remedy: `Use a whole number from ${least}.`,
  });
}
