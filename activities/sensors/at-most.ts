/** Lets so many pieces of work go on at once; more wait, in order. */
export function atMost(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let open = 0;
  return async (work) => {
    if (open >= limit) await new Promise<void>((enter) => waiting.push(enter));
    else open++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) open--;
      else next();
    }
  };
}
