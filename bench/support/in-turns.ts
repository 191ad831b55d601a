export interface Turns<T> {
  /** What each contestant's turns came to, by round from the first on; a contestant that left has fewer. */
  readonly taken: ReadonlyMap<string, readonly T[]>;
  /** Why a contestant left. */
  readonly failed: ReadonlyMap<string, string>;
}

/** Each contestant once a round, another one first each time. One that fails takes no further turns. */
export async function inTurns<C extends { readonly name: string }, T>(
  contestants: readonly C[],
  rounds: number,
  turn: (one: C, round: number) => Promise<T>,
  say: (line: string) => void,
): Promise<Turns<T>> {
  const taken = new Map<string, T[]>(contestants.map(({ name }) => [name, []]));
  const failed = new Map<string, string>();
  for (let round = 0; round < rounds; round++) {
    for (const place of contestants.keys()) {
      const one = contestants[(place + round) % contestants.length] as C;
      if (failed.has(one.name)) continue;
      try {
        taken.get(one.name)?.push(await turn(one, round));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failed.set(one.name, reason);
        say(`${one.name} takes no further turns: ${reason}`);
      }
    }
  }
  return { taken, failed };
}
