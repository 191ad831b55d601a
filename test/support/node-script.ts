import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { built } from './built-tree.js';

/** What Node is called with to run a file beside this one: in a checkout its source, unless the built tree has it. */
export function nodeScript(name: string, sources = false): string[] {
  const [source = '', script = ''] = ['ts', 'js'].map((ending) =>
    fileURLToPath(new URL(`${name}.${ending}`, import.meta.url)),
  );
  if (!existsSync(source)) return [script];
  const compiled = sources ? source : built(source);
  return compiled === source ? ['--import', import.meta.resolve('tsx/esm'), source] : [compiled];
}
