import { EvertrainError } from '../workflows/sdk/errors.js';
import { nearestName } from '../workflows/sdk/options.js';

/** USER_OPTION_INVALID for one that is not declared. */
export function variableNamed<V extends { readonly name: string }>(declared: readonly V[], name: string): V {
  const found = declared.find((one) => one.name === name);
  if (found !== undefined) return found;
  const names = declared.map((one) => one.name);
  const nearest = nearestName(name, names);
  throw new EvertrainError('USER_OPTION_INVALID', `The project declares no variable "${name}".`, {
    value: name,
    remedy: nearest === undefined ? `It declares: ${names.join(', ') || 'none'}.` : `Did you mean "${nearest}"?`,
  });
}
