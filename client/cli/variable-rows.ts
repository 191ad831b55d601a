import type { Journal } from '../../activities/sdk/ports.js';
import { profileVariables } from '../../activities/sdk/profile-variables.js';
import { setVariables } from '../../activities/sdk/variables.js';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { nearestName } from '../../workflows/sdk/options.js';
import type { VariableDefinition, VariableValue } from '../../workflows/sdk/variable.js';

type Declared = Pick<VariableDefinition, 'name' | 'default' | 'description'>;

/** A variable as it stands. */
export type VariableRow = Declared & VariableValue;

export async function variableRows(declared: readonly Declared[], journal: Journal): Promise<VariableRow[]> {
  const set = await setVariables(journal);
  return declared.map(({ name, default: fallback, description }) => {
    const unset = { name, value: valueHere(name, fallback) };
    return { description, default: fallback, ...(set.get(name) ?? unset) };
  });
}

/** Of a variable that nobody has set. */
export function valueHere(name: string, fallback: unknown): unknown {
  const ofProfile = profileVariables();
  return ofProfile.has(name) ? ofProfile.get(name) : fallback;
}

/** USER_OPTION_INVALID for one that is not declared. */
export function variableNamed<V extends Declared>(declared: readonly V[], name: string): V {
  const found = declared.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = declared.map((one) => one.name);
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_OPTION_INVALID', `The project declares no variable "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It declares: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}
