import { randomUUID } from 'node:crypto';
import { EvertrainError } from '../../workflows/sdk/errors.js';
import { defined } from '../../workflows/sdk/registry.js';
import { checkVariable, readVariable, type VariableRead, type VariableValue } from '../../workflows/sdk/variable.js';
import type { Implementation } from './implementation.js';
import { type Journal, journalKey } from './ports.js';

const prefix = 'variables';
const changesPrefix = 'variable-changes';

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

export async function setVariable(journal: Journal, variable: SetVariable): Promise<void> {
  const { name, value, setBy: by, setAt: at } = variable;
  await journal.put(journalKey(prefix, name), JSON.stringify(variable));
  await noteChange(journal, { name, value, by, at });
}

/** It has its default again. */
export async function unsetVariable(journal: Journal, name: string, by: string): Promise<void> {
  await journal.delete(journalKey(prefix, name));
  await noteChange(journal, { name, by, at: new Date().toISOString() });
}

/** What somebody has done to a variable; without `value`: it got its default again. */
export interface VariableChange {
  readonly name: string;
  readonly value?: unknown;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** The newest so many, newest first. */
export async function variableChanges(journal: Journal, count: number): Promise<VariableChange[]> {
  const keys = (await journal.list(changesPrefix)).slice(-count).reverse();
  const bodies = await Promise.all(keys.map((key) => journal.get(key)));
  return bodies.flatMap((body) => (body === undefined ? [] : [JSON.parse(body) as VariableChange]));
}

async function noteChange(journal: Journal, change: VariableChange): Promise<void> {
  await journal.create(journalKey(changesPrefix, `${change.at} ${randomUUID()}`), JSON.stringify(change));
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
