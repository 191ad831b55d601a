/** Bounds in one decade: each is 4.9 % above the one before, so a quantile read from the counts is at most that far off. */
const perDecade = 48;
const firstMs = 0.1;
const decades = 6;

/** Upper bounds in milliseconds, 0.1 to 100,000. */
export const latencyBoundsMs: readonly number[] = Array.from({ length: decades * perDecade + 1 }, (_, i) =>
  Number((firstMs * 10 ** (i / perDecade)).toPrecision(6)),
);

/** How long requests took, counted in fixed classes: `counts[i]` up to `latencyBoundsMs[i]`, the last one above all. */
export class LatencyHistogram {
  readonly #counts = new Float64Array(latencyBoundsMs.length + 1);
  #sumMs = 0;

  add(ms: number): void {
    let i = ms <= firstMs ? 0 : Math.min(Math.ceil(Math.log10(ms / firstMs) * perDecade), latencyBoundsMs.length);
    // The logarithm may miss a bound by its last digit.
    while (i > 0 && ms <= (latencyBoundsMs[i - 1] as number)) i--;
    while (i < latencyBoundsMs.length && ms > (latencyBoundsMs[i] as number)) i++;
    (this.#counts[i] as number)++;
    this.#sumMs += ms;
  }

  get counts(): readonly number[] {
    return Array.from(this.#counts);
  }

  get sumMs(): number {
    return this.#sumMs;
  }

  /** The counts up to every `step`-th bound, each with those before it. */
  cumulated(step: number): readonly { readonly boundMs: number; readonly count: number }[] {
    let count = 0;
    return latencyBoundsMs.flatMap((boundMs, i) => {
      count += this.#counts[i] as number;
      return i % step === 0 ? [{ boundMs, count }] : [];
    });
  }
}
