import { createHash } from 'node:crypto';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../worker/setup/cache-folder.mjs';

/**
 * This checkout as JavaScript, for the processes that tests start: each loads hundreds of modules, and compiling them as
 * they are loaded is most of what a command costs. Its layout is the checkout's, so what is found by its place beside the
 * code (data, Python, fixtures) is found there too. `build-tree.ts` makes it before the tests.
 */
const checkout = fileURLToPath(new URL('../../', import.meta.url));

/** Where the tree of this checkout is; always the same, so that bundles of its pipelines are found again. */
export function builtTree(): string {
  return join(cacheFolder(), 'built', createHash('sha256').update(checkout).digest('hex').slice(0, 12));
}

/** Set by `build-tree.ts` for the tests; who runs this code otherwise runs the sources. */
export const builtTreeVariable = 'EVERTRAIN_TEST_TREE';

/** The same file or folder in the built tree: `.js` for `.ts`. What is not of this checkout stays as it is. */
export function built(path: string): string {
  const tree = process.env[builtTreeVariable];
  const place = relative(checkout, resolve(path));
  if (tree === undefined || place.startsWith('..')) return path;
  return join(tree, builtName(place));
}

export const builtName = (path: string): string => path.replace(/\.ts$/, '.js');
