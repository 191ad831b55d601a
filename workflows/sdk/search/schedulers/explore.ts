import {
  drawAll,
  type FloatParameter,
  type IntParameter,
  type Parameter,
  type Params,
  type Scalar,
  type Space,
} from '../space.js';

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
  return drawAll(space, (name, parameter) => perturbed(parameter, params[name], random) ?? draw(name, parameter));
}

function perturbed(parameter: Parameter, value: Params[string] | undefined, random: Random): Scalar | undefined {
  if (parameter.kind === 'categorical') return neighbour(parameter.values, value, random);
  if (typeof value !== 'number') return undefined;
  return scaled(parameter, value, random() < 0.5 ? 0.8 : 1.2);
}

function neighbour(values: readonly Scalar[], value: Params[string] | undefined, random: Random): Scalar | undefined {
  const at = value === undefined ? -1 : values.indexOf(value as Scalar);
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
