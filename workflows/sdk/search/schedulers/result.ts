/** What a call of a trial came to; greater is better. */
export interface Result {
  readonly trial: number;
  readonly value: number;
}

/** The best first; of equal values that of the lower trial number. */
export function byValue(a: Result, b: Result): number {
  if (a.value !== b.value) return a.value > b.value ? -1 : 1;
  return a.trial - b.trial;
}
