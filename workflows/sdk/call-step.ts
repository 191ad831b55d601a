import { attempt, awaitable } from './awaitable.js';
import { currentPath, currentScope, nextId } from './run-scope.js';
import type { StepDefinition } from './step.js';

/** What calling a step value does. */
export function callStep(definition: StepDefinition, input: unknown): Promise<unknown> {
  return awaitable(startStep(definition, input));
}

/** Gives the step its id; the host of the run does the rest. For callers that wait for it at once. */
export function startStep(definition: StepDefinition, input: unknown): Promise<unknown> {
  const scope = currentScope(`step "${definition.name}"`);
  const path = currentPath();
  const id = nextId(scope, path, definition.name);
  return attempt(() => scope.host.step(scope, definition, input, id, path));
}
