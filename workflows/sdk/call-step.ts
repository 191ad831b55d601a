import { called } from './awaitable.js';
import type { StepDefinition } from './definitions.js';
import { currentPath, currentScope, nextId } from './run-scope.js';

/** What calling a step value does: gives the step its id; the host of the run does the rest. */
export function callStep(definition: StepDefinition, input: unknown): Promise<unknown> {
  const scope = currentScope(`step "${definition.name}"`);
  const path = currentPath();
  const id = nextId(scope, path, definition.name);
  return called(() => scope.host.step(scope, definition, input, id, path));
}
