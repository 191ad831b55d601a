/**
 * What changed from one state to the next, to be sent instead of the whole: a run of 2,000 steps is told in full once.
 * Lists change element by element, since views only ever add to their lists; every other field as a whole.
 */
export interface Change {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly gone: readonly string[];
  readonly lists: Readonly<Record<string, ListChange>>;
}

interface ListChange {
  readonly length: number;
  readonly at: ReadonlyArray<readonly [index: number, value: unknown]>;
}

/** `undefined` where nothing changed. Both are plain JSON. */
export function changeOf(before: object, after: object): Change | undefined {
  const fields: Record<string, unknown> = {};
  const lists: Record<string, ListChange> = {};
  const gone = Object.keys(before).filter((name) => (after as Record<string, unknown>)[name] === undefined);
  for (const [name, value] of Object.entries(after)) {
    const earlier = (before as Record<string, unknown>)[name];
    if (value === undefined) continue;
    if (Array.isArray(value) && Array.isArray(earlier)) {
      const change = listChange(earlier, value);
      if (change !== undefined) lists[name] = change;
    } else if (!isSame(earlier, value)) fields[name] = value;
  }
  const isNone = gone.length === 0 && Object.keys(fields).length === 0 && Object.keys(lists).length === 0;
  return isNone ? undefined : { fields, gone, lists };
}

/** What did not change is the same object as before. */
export function applyChange<T extends object>(before: T, { fields, gone, lists }: Change): T {
  const after: Record<string, unknown> = { ...before, ...fields };
  for (const name of gone) delete after[name];
  for (const [name, { length, at }] of Object.entries(lists)) {
    const list = (after[name] as readonly unknown[]).slice(0, length);
    for (const [index, value] of at) list[index] = value;
    after[name] = list;
  }
  return after as T;
}

function listChange(before: readonly unknown[], after: readonly unknown[]): ListChange | undefined {
  const at = after.flatMap((value, index) =>
    index < before.length && isSame(before[index], value) ? [] : [[index, value] as const],
  );
  return at.length === 0 && before.length === after.length ? undefined : { length: after.length, at };
}

function isSame(before: unknown, after: unknown): boolean {
  return before === after || JSON.stringify(before) === JSON.stringify(after);
}
