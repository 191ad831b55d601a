import { uniform } from '../digest.js';
import {
  applies,
  drawAll,
  invalid,
  isParameter,
  type Parameter,
  type Params,
  type Scalar,
  type Space,
} from './space.js';

/**
 * Samplers that look at no result: the parameters of a trial follow from the seed and its number alone, so they are
 * computed in the run itself.
 */

export type PointSampler =
  | { readonly kind: 'random' }
  | { readonly kind: 'quasi-random' }
  | { readonly kind: 'grid'; readonly points?: number };

/** The parameters of trial `n`, counted from 0; undefined where a grid has no more. */
export type Points = (n: number) => Params | undefined;

const mostGridPoints = 5_000;

/** How many points a grid has. */
export function gridSize(owner: string, space: Space, points: number | undefined): number {
  return allGridPoints(owner, space, points).length;
}

export function openPoints(owner: string, sampler: PointSampler, space: Space, seed: number): Points {
  if (sampler.kind === 'grid') {
    const all = allGridPoints(owner, space, sampler.points);
    return (n) => all[n];
  }
  if (sampler.kind === 'quasi-random') return quasiRandomPoints(space, seed);
  return (n) => drawAll(space, (name, parameter) => valueAt(parameter, uniform(seed, `${n}/${name}`)));
}

/**
 * The additive recurrence R_d (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), shifted by a
 * random vector: point n is frac(shift + n·α) with α_i = φ_d^-i and φ_d the positive root of x^(d+1) = x + 1.
 */
function quasiRandomPoints(space: Space, seed: number): Points {
  const names = Object.keys(space).filter((name) => isParameter(space[name] as Parameter | Scalar));
  let root = 2;
  for (let i = 0; i < 60; i++) root = (1 + root) ** (1 / (names.length + 1));
  const alpha = new Map(names.map((name, i) => [name, root ** -(i + 1)] as const));
  return (n) =>
    drawAll(space, (name, parameter) => {
      const at = uniform(seed, name) + (n + 1) * (alpha.get(name) as number);
      return valueAt(parameter, at - Math.floor(at));
    });
}

/** The value at `u`, from 0 up to but not 1, of the parameter's own scale. */
export function valueAt(parameter: Parameter, u: number): Scalar {
  if (parameter.kind === 'categorical') {
    return parameter.values[Math.min(parameter.values.length - 1, Math.floor(u * parameter.values.length))] as Scalar;
  }
  const { kind, min, max, log } = parameter;
  const step = parameter.step ?? (kind === 'int' ? 1 : undefined);
  if (log !== true) {
    if (step === undefined) return clamp(min + u * (max - min), min, max);
    return stepped(min, Math.floor(u * stepsIn(min, max, step)), step);
  }
  if (kind === 'float') return clamp(Math.exp(Math.log(min) + u * (Math.log(max) - Math.log(min))), min, max);
  // Each whole number has the interval that rounds to it.
  const from = Math.log(min - 0.5);
  return clamp(Math.round(Math.exp(from + u * (Math.log(max + 0.5) - from))), min, max);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function stepsIn(min: number, max: number, step: number): number {
  return Math.floor((max - min) / step + 1e-9) + 1;
}

/** Without the dust of adding: 0.1 · 3 is 0.3. */
function stepped(min: number, k: number, step: number): number {
  return Number((min + k * step).toPrecision(14));
}

function allGridPoints(owner: string, space: Space, points: number | undefined): readonly Params[] {
  const all: Params[] = [];
  const entries = Object.entries(space);
  const descend = (at: number, chosen: Record<string, Scalar>): void => {
    if (all.length > mostGridPoints) return;
    const [name, part] = entries[at] ?? [];
    if (name === undefined) {
      all.push(chosen);
      return;
    }
    const exists = !isParameter(part as Parameter | Scalar) || applies(part as Parameter, chosen);
    const levels = exists ? levelsOf(owner, name, part as Parameter | Scalar, points) : [undefined];
    for (const level of levels) descend(at + 1, level === undefined ? chosen : { ...chosen, [name]: level });
  };
  descend(0, {});
  if (all.length > mostGridPoints) {
    throw invalid(owner, `the grid has more than ${mostGridPoints} points`, 'Use larger steps, or another sampler.');
  }
  return all;
}

/** All values of a parameter that a grid visits, in order. */
function levelsOf(
  owner: string,
  name: string,
  part: Parameter | Scalar,
  points: number | undefined,
): readonly Scalar[] {
  if (!isParameter(part)) return [part];
  if (part.kind === 'categorical') return part.values;
  const step = part.step ?? (part.kind === 'int' && points === undefined ? 1 : undefined);
  if (step !== undefined) {
    const count = Math.min(stepsIn(part.min, part.max, step), mostGridPoints + 1);
    return Array.from({ length: count }, (_, k) => stepped(part.min, k, step));
  }
  if (points === undefined) {
    throw invalid(
      `${owner}: space.${name}`,
      'a grid needs its steps',
      'Give it a `step`, or the grid a number of points: grid({ points: 5 }).',
    );
  }
  const level = (k: number) => valueBetween(part, points === 1 ? 0.5 : k / (points - 1));
  return [...new Set(Array.from({ length: points }, (_, k) => level(k)))];
}

function valueBetween({ kind, min, max, log }: Parameter & { readonly kind: 'float' | 'int' }, share: number): number {
  const value =
    log === true
      ? Math.exp(Math.log(min) + share * (Math.log(max) - Math.log(min)))
      : Number((min + share * (max - min)).toPrecision(14));
  return clamp(kind === 'int' ? Math.round(value) : value, min, max);
}
