/** One thing that was otherwise: `undefined` where a side has nothing of the name. */
export interface Difference {
  readonly name: string;
  readonly recorded: string | undefined;
  readonly today: string | undefined;
}

/** Compares two JSON objects leaf by leaf; names are paths like `lockFiles/package-lock.json`. */
export function differences(recorded: unknown, today: unknown): Difference[] {
  const before = leaves(recorded);
  const after = leaves(today);
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => ({ name, recorded: before.get(name), today: after.get(name) }))
    .filter((one) => one.recorded !== one.today);
}

function leaves(value: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (typeof value !== 'object' || value === null) {
    if (value !== undefined) found.set(path, typeof value === 'string' ? value : JSON.stringify(value));
    return found;
  }
  for (const [name, inner] of Object.entries(value)) leaves(inner, path === '' ? name : `${path}/${name}`, found);
  return found;
}
