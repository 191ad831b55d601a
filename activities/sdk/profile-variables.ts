import { EvertrainError } from '../../workflows/sdk/errors.js';
import { nearestName } from '../../workflows/sdk/options.js';
import { checkVariable, type VariableDefinition } from '../../workflows/sdk/variable.js';

/** Values of variables in this environment, instead of the defaults in the code: EVERTRAIN_VARIABLES, a JSON object. */
export function profileVariables(text = process.env['EVERTRAIN_VARIABLES']): ReadonlyMap<string, unknown> {
  if (text === undefined || text === '') return new Map();
  try {
    return new Map(Object.entries(JSON.parse(text) as object));
  } catch (cause) {
    throw new EvertrainError('USER_VARIABLE_INVALID', `EVERTRAIN_VARIABLES is not a JSON object: ${text}.`, {
      value: text,
      remedy: 'Write {"name":value}, or leave it to the profile.',
      cause,
    });
  }
}

/** For a start: names that the project does not declare, and values of another kind, are refused. */
export function checkProfileVariables(
  declared: readonly VariableDefinition[],
  given: ReadonlyMap<string, unknown>,
): void {
  const names = declared.map(({ name }) => name);
  for (const [name, value] of given) {
    const definition = declared.find((one) => one.name === name);
    if (definition !== undefined) checkVariable(definition, value);
    else {
      const nearest = nearestName(name, names);
      throw new EvertrainError('USER_VARIABLE_INVALID', `The profile sets variable "${name}", which is not declared.`, {
        value: name,
        remedy: nearest === undefined ? `There are: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
      });
    }
  }
}
