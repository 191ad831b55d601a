import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Implementation } from '../../activities/sdk/implementation.js';
import { EvertrainError, isEvertrainError, show } from '../../workflows/sdk/errors.js';
import type { Project } from '../../workflows/sdk/project.js';
import { defaultQueue } from '../../workflows/sdk/protocol.js';
import { readTypeScript } from './read-typescript.js';

// Apart from local-system.ts: a command that only looks at the project loads neither the worker nor the bundler.

/** `<root>/workflows/index.ts` (or .js), the same for activities. */
export function projectFile(root: string, part: 'workflows' | 'activities'): string {
  const found = ['ts', 'js', 'mjs'].map((ending) => resolve(root, part, `index.${ending}`)).find(existsSync);
  if (found !== undefined) return found;
  throw new EvertrainError('USER_FILE_NOT_FOUND', `There is no ${part}/index.ts in ${resolve(root)}.`, {
    value: resolve(root),
    remedy: 'Start in the folder of a project, or make one with `npx evertrain init`.',
  });
}

export async function loadActivities(root: string): Promise<readonly Implementation[]> {
  const path = projectFile(root, 'activities');
  const loaded = (await load(root, path)) as { activities?: readonly Implementation[] };
  if (Array.isArray(loaded.activities)) return loaded.activities;
  throw new EvertrainError('USER_OPTION_INVALID', `${path} exports ${show(loaded.activities)} as "activities".`, {
    value: path,
    remedy: 'Write `export const activities = [implement(…), …]` in it.',
  });
}

export async function loadProject(root: string): Promise<Project> {
  const path = projectFile(root, 'workflows');
  return ((await load(root, path)) as { default: Project }).default;
}

/** The queues that the project in a folder has steps for, that of runs first. */
export async function queuesOfProject(root: string): Promise<string[]> {
  const { checkManifest } = await import('../../worker/manifest.js');
  const { queues } = checkManifest(await loadProject(root), await loadActivities(root), () => true);
  return [...new Set([defaultQueue, ...queues.keys()])];
}

async function load(root: string, path: string): Promise<unknown> {
  await readTypeScript(['workflows', 'activities'].map((part) => resolve(root, part)));
  try {
    return await import(pathToFileURL(path).href);
  } catch (cause) {
    if (isEvertrainError(cause)) throw cause;
    throw new EvertrainError('USER_CODE_FAILED', `${path} cannot be loaded: ${(cause as Error)?.message ?? cause}`, {
      value: path,
      cause,
    });
  }
}
