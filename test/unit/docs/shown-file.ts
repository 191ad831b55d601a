import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A file of an example as a document shows it: without its imports, its path in front of its first comment. */
export function shownFile(example: string, path: string): string {
  const mark = path.endsWith('.py') ? '# ' : '// ';
  const text = readFileSync(join(example, path), 'utf8');
  return `${mark}${path}: ${text.slice(text.indexOf(`\n${mark}`) + 1 + mark.length)}`;
}
