import { EvertrainError } from '../../workflows/sdk/errors.js';
import type { VariableRead, VariableValue } from '../../workflows/sdk/protocol.js';
import { defined } from '../../workflows/sdk/registry.js';
import { checkVariable, readVariable } from '../../workflows/sdk/variable.js';
import type { Implementation } from './implementation.js';
import { type Journal, journalKey } from './ports.js';

const prefix = 'variables';

/** What people have set, by name; without those that have their default. */
export async function setVariables(journal: Journal): Promise<Map<string, SetVariable>> {
  const found = new Map<string, SetVariable>();
  for (const key of await journal.list(prefix)) {
    const one = read(await journal.get(key));
    if (one !== undefined) found.set(one.name, one);
  }
  return found;
}

export interface SetVariable extends Required<VariableValue> {
  readonly name: string;
}

export function setVariable(journal: Journal, variable: SetVariable): Promise<void> {
  return journal.put(journalKey(prefix, variable.name), JSON.stringify(variable));
}

/** It has its default again. */
export function unsetVariable(journal: Journal, name: string): Promise<void> {
  return journal.delete(journalKey(prefix, name));
}

/** The step that runs read variables by: what people have set, else the profile's value, else the default. */
export function variableReader(journal: Journal, profile: ReadonlyMap<string, unknown>): Implementation {
  return {
    step: readVariable,
    fingerprint: () => Promise.resolve(''),
    run: async (asked): Promise<VariableValue> => {
      const { name, default: fallback } = asked as VariableRead;
      const found = read(await journal.get(journalKey(prefix, name)));
      if (found === undefined) return { value: profile.has(name) ? profile.get(name) : fallback };
      check(found);
      const { value, setBy, setAt } = found;
      return { value, setBy, setAt };
    },
  };
}

/** It may have been set for code of before. */
function check({ name, value, setBy, setAt }: SetVariable): void {
  const definition = defined.variables.find((one) => one.name === name);
  if (definition === undefined) return;
  try {
    checkVariable(definition, value);
  } catch (cause) {
    const who = `${setBy} has set it at ${setAt}`;
    throw new EvertrainError(
      'USER_VARIABLE_INVALID',
      `${cause instanceof Error ? cause.message : String(cause)} (${who})`,
      {
        value,
        remedy: `Set another value: npx evertrain variables set ${name} <value>, or unset it.`,
        cause,
      },
    );
  }
}

function read(body: string | undefined): SetVariable | undefined {
  return body === undefined ? undefined : (JSON.parse(body) as SetVariable);
}
