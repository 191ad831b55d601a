import { invalidOption } from '../options.js';

/** The regular expression of a pattern with `*`, `?` and `**`; nothing else in it is special. */
export function globPattern(owner: string, glob: string): string {
  if (typeof glob !== 'string' || glob === '' || glob.length > 500 || glob.startsWith('/')) {
    throw invalidOption(
      owner,
      'pattern',
      glob,
      "Write names from the prefix on, for example '*.csv' or '**/*.parquet'.",
    );
  }
  // Runs of stars would let a match take very long.
  const names = glob.replace(/\*{3,}/g, '**').split('/');
  const parts = names.map((name, n) => {
    if (name === '**') return n === names.length - 1 ? '.+' : '(?:[^./][^/]*/)*';
    const text = name
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replace(/\*+/g, '[^/]*')
      .replaceAll('?', '[^/]');
    return `${/^[*?]/.test(name) ? '(?!\\.)' : ''}${text}${n === names.length - 1 ? '' : '/'}`;
  });
  return `^${parts.join('')}$`;
}
