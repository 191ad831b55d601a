import { existsSync, readdirSync } from 'node:fs';

const typeScript = /(?<!\.d)\.[cm]?tsx?$/;
let isRegistered = false;

/**
 * Makes Node load TypeScript from here on, once. Not where these folders have none, as in a compiled project: every module
 * is slower to load then.
 */
export async function readTypeScript(folders: readonly string[]): Promise<void> {
  if (isRegistered || !folders.some(hasTypeScript)) return;
  isRegistered = true;
  (await import('tsx/esm/api')).register();
}

function hasTypeScript(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => typeScript.test(String(name)));
}
