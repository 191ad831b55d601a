import type { Condition, FloatParameter, IntParameter, Parameter, Scalar, Space } from '../space.js';
import type { Params } from '../study-record.js';

/** A number from 0 to below 1. */
type Random = () => number;
/** A value of the parameter as its sampler would draw it. */
type Draw = (name: string, parameter: Parameter) => Scalar;

/** Ray Tune's `resample_probability`. */
const resampled = 0.25;

/**
 * Parameters near these, for a member of a population that takes over from another (Jaderberg et al., 2017; Ray Tune): a
 * number × 0.8 or × 1.2, within its bounds and on its steps; of a list the value before or after, or sometimes any. A
 * constant stays. A parameter whose condition no longer holds is dropped, one that now exists is drawn, and so is one
 * whose value the list lacks (a guess that was given), or is 0 and without steps: no factor moves it.
 */
export function explore(space: Space, params: Params, random: Random, draw: Draw): Params {
  const explored = new Map<string, Scalar | undefined>();
  const visit = (name: string): Scalar | undefined => {
    if (explored.has(name)) return explored.get(name);
    const parameter = space[name];
    const value = Object.hasOwn(params, name) ? (params[name] ?? undefined) : undefined;
    let result: Scalar | undefined;
    if (!isParameter(parameter)) result = value ?? parameter;
    else if (!holds(parameter.when, visit)) result = undefined;
    else result = perturbed(parameter, value, random) ?? draw(name, parameter);
    explored.set(name, result);
    return result;
  };
  const found: Record<string, Scalar> = {};
  for (const name of Object.keys(space)) {
    const value = visit(name);
    const isHere = isParameter(space[name]) || Object.hasOwn(params, name);
    if (value !== undefined && isHere) found[name] = value;
  }
  return found;
}

function isParameter(entry: Parameter | Scalar | undefined): entry is Parameter {
  return typeof entry === 'object';
}

/** Parents come first, wherever they stand in the space: a condition asks for the value that they now have. */
function holds(when: Condition | undefined, valueOf: (name: string) => Scalar | undefined): boolean {
  return Object.entries(when ?? {}).every(([parent, values]) => {
    const value = valueOf(parent);
    const wanted: readonly Scalar[] = typeof values === 'object' ? values : [values];
    return value !== undefined && wanted.includes(value);
  });
}

function perturbed(parameter: Parameter, value: Scalar | undefined, random: Random): Scalar | undefined {
  if (parameter.kind === 'categorical') return neighbour(parameter.values, value, random);
  if (typeof value !== 'number') return undefined;
  return scaled(parameter, value, random() < 0.5 ? 0.8 : 1.2);
}

function neighbour(values: readonly Scalar[], value: Scalar | undefined, random: Random): Scalar | undefined {
  const at = value === undefined ? -1 : values.indexOf(value);
  if (at === -1) return undefined;
  if (random() < resampled) return values[Math.floor(random() * values.length)];
  return values[Math.min(Math.max(at + (random() < 0.5 ? -1 : 1), 0), values.length - 1)];
}

/** Ints have steps of 1. A factor that would leave the value on its step moves it to the next one in that direction. */
function scaled(parameter: FloatParameter | IntParameter, value: number, factor: number): number | undefined {
  const { min, max, kind } = parameter;
  const step = parameter.step ?? (kind === 'int' ? 1 : undefined);
  const target = value * factor;
  if (step === undefined) return value === 0 ? undefined : Math.min(Math.max(target, min), max);
  const now = Math.round((value - min) / step);
  let next = Math.round((target - min) / step);
  if (next === now) next += factor < 1 === value >= 0 ? -1 : 1;
  // Floats: the last step of 0 to 0.3 by 0.1 is a little above it.
  const last = Math.floor((max - min) / step + 1e-9);
  return Math.min(min + Math.min(Math.max(next, 0), last) * step, max);
}
