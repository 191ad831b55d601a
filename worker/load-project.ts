import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EvertrainError, show } from '../workflows/sdk/errors.js';
import type { Project } from '../workflows/sdk/project.js';

/** The default export of workflows/index.ts: USER_OPTION_INVALID where it is no project, or other functions are beside it. */
export async function loadProject(path: string): Promise<Project> {
  const loaded = (await import(pathToFileURL(resolve(path)).href)) as { default?: Project };
  if (typeof loaded.default !== 'function' || !Array.isArray(loaded.default.pipelines)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} exports ${show(loaded.default)} as its default.`, {
      value: path,
      remedy: 'Write `export default project({ pipelines: [ … ] })` in it.',
    });
  }
  const named = Object.entries(loaded).find(([name, value]) => name !== 'default' && typeof value === 'function');
  if (named !== undefined) {
    throw new EvertrainError('USER_OPTION_INVALID', `${path} exports the function "${named[0]}" beside its default.`, {
      value: named[0],
      remedy: "Export only the default: Temporal would take another export of a pipeline's name for its workflow.",
    });
  }
  return loaded.default;
}
