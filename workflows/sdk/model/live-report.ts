/** What the model server has counted for a model since its present revision began, or since its own start if later. */
export interface LiveReport {
  readonly model: string;
  readonly revision: number;
  readonly stage: number;
  /** ISO 8601. */
  readonly since: string;
  /** By version. */
  readonly versions: Readonly<Record<string, LiveCounts>>;
}

export interface LiveCounts {
  /** Requests that it computed, failed ones included; not those that were refused as malformed. */
  readonly requests: number;
  /** Of these: it threw, answered a shape that it had not declared, or a number that is not finite. */
  readonly errors: number;
  /**
   * How long it took over a request, from its arrival to the answer. `counts[i]` are the requests of at most
   * `boundsMs[i]` and more than the bound before; the last count, one longer than the bounds, are those above all.
   */
  readonly latency: { readonly boundsMs: readonly number[]; readonly counts: readonly number[] };
  /** Of predictions whose label came back; absent where none did. */
  readonly scores?: LiveScores;
}

/** Each as far as the labels allow: accuracy for words and classes, errors for numbers. */
export interface LiveScores {
  readonly accuracy?: Moments;
  readonly absoluteError?: Moments;
  readonly squaredError?: Moments;
}

export interface Moments {
  readonly count: number;
  readonly mean: number;
  /** Of the sample, with count - 1. */
  readonly variance: number;
}
