import type { Journal } from '../../activities/sdk/ports.js';
import { profileVariables } from '../../activities/sdk/profile-variables.js';
import { setVariables } from '../../activities/sdk/variables.js';
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
