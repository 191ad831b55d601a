import { currentPath, currentScope, nextId } from './run-scope.js';
import type { StepDefinition } from './step.js';

/** What calling a step value does: it gets its id here, and the host of the run does the rest. */
export function callStep(definition: StepDefinition, input: unknown): Promise<unknown> {
  const scope = currentScope(`step "${definition.name}"`);
  const path = currentPath();
  return scope.host.step(scope, definition, input, nextId(scope, path, definition.name), path);
}
