import { EvertrainError } from './errors.js';
import { defined } from './registry.js';

/** A step or pipeline as it travels to another run. */
export interface NamedTarget {
  readonly kind: 'step' | 'pipeline';
  readonly name: string;
}

/** The value itself, in the code of the worker at hand. */
export function targetOf({ kind, name }: NamedTarget): NamedTarget & ((input: unknown) => Promise<unknown>) {
  const found = [...defined.steps, ...defined.pipelines].find((one) => one.kind === kind && one.name === name);
  if (found !== undefined) return found as unknown as ReturnType<typeof targetOf>;
  const code = kind === 'step' ? 'USER_STEP_UNKNOWN' : 'USER_PIPELINE_UNKNOWN';
  throw new EvertrainError(code, `There is no ${kind} "${name}" in the worker’s code any more.`, {
    value: name,
    remedy: 'Start a worker with the code that the run began with.',
  });
}
