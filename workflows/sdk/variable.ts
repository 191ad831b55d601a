import { awaitable } from './awaitable.js';
import type { StepDefinition } from './definitions.js';
import { EvertrainError, show } from './errors.js';
import { checkFacts } from './json-size.js';
import { checkName, checkOptions } from './options.js';
import { builtIn } from './protocol.js';
import { defined } from './registry.js';
import { currentPath, currentScope, nextId, type RunScope } from './run-scope.js';
import { decode, type Schema } from './schema.js';

/** A variable as data: what workers and tools read. */
export interface VariableDefinition {
  readonly kind: 'variable';
  readonly name: string;
  readonly default: unknown;
  readonly schema: Schema | undefined;
  readonly description: string | undefined;
}

export interface VariableOptions {
  /** What a value has to be, beyond the kind of JSON that the default is. */
  readonly schema?: Schema;
  readonly description?: string;
}

/** Called in a pipeline, answers the variable's value. */
export interface Variable<T> extends Omit<VariableDefinition, 'name'> {
  readonly name: string;
  (): Promise<T>;
}

export interface VariableRead {
  readonly name: string;
  readonly default: unknown;
}

export interface VariableValue {
  readonly value: unknown;
  /** Absent where nobody has set it: it is the default. */
  readonly setBy?: string;
  /** ISO time. */
  readonly setAt?: string;
}

type Widened<T> = T extends number ? number : T extends string ? string : T extends boolean ? boolean : T;

/**
 * Declares a value that people change without a deployment (`evertrain variables set`): a threshold, a folder, a switch.
 * The first call in a run reads it, as a step that its history records; the run keeps that value to its end, whatever is
 * set meanwhile. Runs that a run starts read for themselves.
 */
export function variable<T>(name: string, fallback: T, options: VariableOptions = {}): Variable<Widened<T>> {
  checkName('variable', name);
  const owner = `variable "${name}"`;
  checkOptions(owner, options, ['schema', 'description']);
  checkFacts(`${owner} (its default)`, fallback);
  const { schema, description } = options;
  const definition: VariableDefinition = { kind: 'variable', name, default: fallback, schema, description };
  checkVariable(definition, fallback);
  defined.variables.push(definition);
  const call = () => awaitable(valueIn(currentScope(owner), definition));
  for (const [field, value] of Object.entries(definition)) Object.defineProperty(call, field, { value });
  return call as unknown as Variable<Widened<T>>;
}

/** USER_VARIABLE_INVALID for a value that is of another kind than the default, or does not fit the schema. */
export function checkVariable({ name, default: fallback, schema }: VariableDefinition, value: unknown): void {
  if (kindOf(value) !== kindOf(fallback)) {
    throw new EvertrainError('USER_VARIABLE_INVALID', `Variable "${name}" cannot be ${show(value)}.`, {
      value,
      remedy: `Use a ${kindOf(fallback)}; its default is ${show(fallback)}.`,
    });
  }
  decode(schema, value, 'USER_VARIABLE_INVALID', `variable "${name}"`);
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
}

/** Not in the registry: every worker has it. What a run reads is of that run, so no `defaults` may have it cached. */
export const readVariable: StepDefinition = {
  kind: 'step',
  name: builtIn.variable,
  input: undefined,
  output: undefined,
  policy: { light: true, cache: false, retry: { attempts: 20 } },
};

const reads = new WeakMap<RunScope, Map<string, Promise<unknown>>>();

function valueIn(scope: RunScope, { name, default: fallback }: VariableDefinition): Promise<unknown> {
  const ofRun = reads.get(scope) ?? new Map<string, Promise<unknown>>();
  reads.set(scope, ofRun);
  const known = ofRun.get(name);
  if (known !== undefined) return known;
  const path = currentPath();
  const input: VariableRead = { name, default: fallback };
  const read = scope.host.step(scope, readVariable, input, nextId(scope, path, name), path);
  const value = read.then((answer) => (answer as { readonly value: unknown }).value);
  ofRun.set(name, value);
  return value;
}
