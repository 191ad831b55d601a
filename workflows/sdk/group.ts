import { awaitable } from './awaitable.js';
import { checkName } from './options.js';
import { currentPath, currentScope, nextId, withPath } from './run-scope.js';

/** Folds the steps called inside `body` under one name in every view; their ids start with it. */
export function group<T>(name: string, body: () => Promise<T>): Promise<T> {
  checkName('group', name);
  const at = currentPath();
  const id = nextId(currentScope(`group "${name}"`), at, name);
  return awaitable(withPath({ ...at, prefix: `${id}/`, groups: [...at.groups, id.slice(at.prefix.length)] }, body));
}
