const classes = 'dDwWsSbB';

/**
 * A text that every match of a regular expression holds, the longest that is easily seen, so that most lines need no
 * match; undefined where there is none. Alternatives, groups and counted repetitions are not looked into.
 */
export function needleOf(pattern: string): string | undefined {
  if (/[|(){}]/.test(pattern.replace(/\\./g, ''))) return undefined;
  const runs: string[] = [''];
  const add = (character: string) => runs.push(`${runs.pop() ?? ''}${character}`);
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? '';
    if (character === '\\') {
      const escaped = pattern[++at] ?? '';
      if (classes.includes(escaped)) runs.push('');
      else if (/[A-Za-z0-9]/.test(escaped)) return undefined;
      else add(escaped);
    } else if (character === '[') {
      const end = endOfClass(pattern, at);
      if (end === undefined) return undefined;
      at = end;
      // Any character stands for it, also where it is repeated.
      runs.push('', '');
    } else if ('?*'.includes(character)) runs.push(runs.pop()?.slice(0, -1) ?? '', '');
    else if ('+.^$'.includes(character)) runs.push('');
    else add(character);
  }
  const longest = runs.sort((a, b) => b.length - a.length)[0] ?? '';
  return longest.length < 2 ? undefined : longest;
}

function endOfClass(pattern: string, from: number): number | undefined {
  for (let at = from + 1; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++;
    else if (pattern[at] === ']') return at;
  }
  return undefined;
}
