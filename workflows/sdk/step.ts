import { type PublishesOption, resolvePublishes } from './assets/publishes.js';
import { callStep } from './call-step.js';
import type { Description, StepDefinition } from './definitions.js';
import { checkName, checkOptions } from './options.js';
import { policyFields, resolveStepPolicy, type StepPolicyOptions } from './policy.js';
import { defined } from './registry.js';
import type { Encoded, Schema } from './schema.js';

export interface StepOptions<I extends Schema | undefined, O extends Schema | undefined>
  extends StepPolicyOptions,
    Description {
  /** Checked on the worker before the implementation runs. */
  readonly input?: I;
  /** Checked on the worker before the output is recorded. */
  readonly output?: O;
  /** The asset that each completed call publishes its output as, and of one that is cut the partition. */
  readonly publishes?: PublishesOption<Encoded<I>>;
}

/** Called in a pipeline, runs the step on a worker; its arguments and result are the encoded (JSON) side of the schemas. */
export interface Step<I extends Schema | undefined, O extends Schema | undefined> extends StepDefinition {
  readonly input: I;
  readonly output: O;
  (...args: I extends Schema ? [input: Encoded<I>] : [input?: unknown]): Promise<Encoded<O>>;
}

export const descriptionFields = ['description', 'owner', 'tags'] as const;

/**
 * Declares a step: its name, schemas and policy. The value is the contract: a pipeline calls it, a worker implements it
 * (`implement`, `implementPython`, `implementCommand`, `implementSql`, `implementHttp`).
 */
export function step<I extends Schema | undefined = undefined, O extends Schema | undefined = undefined>(
  name: string,
  options: StepOptions<I, O> = {},
): Step<I, O> {
  checkName('step', name);
  const owner = `step "${name}"`;
  checkOptions(owner, options, [
    'input',
    'output',
    'publishes',
    'light',
    'resources',
    ...policyFields,
    ...descriptionFields,
  ]);
  const call = (input?: unknown) => callStep(definition as unknown as StepDefinition, input);
  const definition = defineFields(call, {
    kind: 'step',
    name,
    input: options.input,
    output: options.output,
    policy: resolveStepPolicy(owner, options),
    publishes: options.publishes === undefined ? undefined : resolvePublishes(owner, options.publishes),
    description: options.description,
    owner: options.owner,
    tags: options.tags,
  });
  defined.steps.push(definition as unknown as StepDefinition);
  return definition as unknown as Step<I, O>;
}

/** Puts read-only data on a callable value (`name` of a function is otherwise not writable). */
export function defineFields<F extends (...args: never[]) => unknown>(call: F, fields: Record<string, unknown>): F {
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(call, name, { value, enumerable: true });
  return call;
}
