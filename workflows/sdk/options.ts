import { EvertrainError, show } from './errors.js';
import { builtInPrefix } from './protocol.js';

/**
 * Refuses option objects with fields that do not exist (USER_OPTION_UNKNOWN, with the nearest name) or that later
 * versions will honour (USER_NOT_SUPPORTED_YET). An option is never accepted and ignored.
 */
export function checkOptions(
  owner: string,
  options: unknown,
  known: readonly string[],
  later: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new EvertrainError('USER_OPTION_INVALID', `${owner}: the options are ${show(options)}, not an object.`, {
      value: options,
      remedy: `Pass an object with some of: ${known.join(', ')}.`,
    });
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const remedy = later[name];
    if (remedy !== undefined) {
      throw new EvertrainError('USER_NOT_SUPPORTED_YET', `${owner}: the option "${name}" is not honoured yet.`, {
        value: name,
        remedy,
      });
    }
    const nearest = nearestName(name, [...known, ...Object.keys(later)]);
    throw new EvertrainError('USER_OPTION_UNKNOWN', `${owner}: there is no option "${name}".`, {
      value: name,
      remedy: nearest === undefined ? `The options are: ${known.join(', ')}.` : `Did you mean "${nearest}"?`,
    });
  }
}

/** USER_OPTION_INVALID: `<owner>: <option> is <value>.` */
export function invalidOption(owner: string, option: string, value: unknown, remedy: string): EvertrainError {
  return new EvertrainError('USER_OPTION_INVALID', `${owner}: ${option} is ${show(value)}.`, { value, remedy });
}

/** Names of steps, pipelines, models and signals: 1–200 of `A-Z a-z 0-9 . _ -`, starting with a letter. */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name === 'string' && /^[A-Za-z][A-Za-z0-9._-]{0,199}$/.test(name) && !name.startsWith(builtInPrefix))
    return;
  throw new EvertrainError('USER_NAME_INVALID', `${what}: ${show(name)} is not a usable name.`, {
    value: name,
    remedy: 'Use 1 to 200 letters, digits, ".", "_" or "-", starting with a letter and not with "evertrain.".',
  });
}

/** The known name that a mistyped one most likely means: a shared start or end, or few edits away. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => ({
    candidate,
    distance: distance(name.toLowerCase(), candidate.toLowerCase()),
  }));
  const best = scored.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, name.length / 2) ? best.candidate : undefined;
}

/** Levenshtein distance, where a missing or added prefix or suffix counts 1 (`start` → `startDate`). */
function distance(a: string, b: string): number {
  if (a.length >= 3 && b.length >= 3 && (a.startsWith(b) || b.startsWith(a) || a.endsWith(b) || b.endsWith(a)))
    return 1;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
