import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EvertrainError } from '../../../workflows/sdk/errors.js';

/** The path of a file that the package ships as it is, from its root: also from a build that lies deeper or shallower. */
export function packageFile(path: string): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let folder = start; ; folder = dirname(folder)) {
    const candidate = join(folder, path);
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) break;
  }
  throw new EvertrainError('SYSTEM_FAILED', `The package lacks its file ${path}.`, {
    value: start,
    remedy: 'Install the package again.',
  });
}
