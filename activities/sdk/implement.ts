import { createHash } from 'node:crypto';
import type { StepDefinition } from '../../workflows/sdk/definitions.js';
import { EvertrainError, show } from '../../workflows/sdk/errors.js';
import type { Decoded, Encoded } from '../../workflows/sdk/schema.js';
import type { StepContext } from './context.js';
import type { Implementation } from './implementation.js';

/** What an implementation of the step is given: the decoded side of its input schema. */
export type StepInput<S extends StepDefinition> = Decoded<S['input']>;
/** What it answers: the encoded side of its output schema. */
export type StepOutput<S extends StepDefinition> = Encoded<S['output']>;

/**
 * Binds a step's contract to a function. Input and output are checked by the step's schemas around it.
 *
 * For the step cache its code counts as the function's text; what it calls does not: give the step a new
 * `cache: { version }` when that changes.
 */
export function implement<S extends StepDefinition>(
  step: S,
  run: (input: StepInput<S>, context: StepContext) => Promise<StepOutput<S>> | StepOutput<S>,
): Implementation {
  checkStep('implement', step);
  if (typeof run !== 'function') {
    throw new EvertrainError('USER_OPTION_INVALID', `implement of step "${step.name}" was given ${show(run)}.`, {
      remedy: 'Pass a function.',
    });
  }
  const digest = createHash('sha256').update(run.toString()).digest('hex');
  return {
    step,
    run: async (input, context) => run(input as StepInput<S>, context),
    fingerprint: () => Promise.resolve(digest),
  };
}

export function checkStep(owner: string, step: StepDefinition): void {
  if (step?.kind === 'step') return;
  throw new EvertrainError('USER_OPTION_INVALID', `${owner} was given ${show(step)} as the step.`, {
    value: step,
    remedy: 'Pass a value made by step().',
  });
}
