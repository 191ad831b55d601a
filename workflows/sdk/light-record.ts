/**
 * What a local activity's marker would not tell of a light step. It travels with the output (`LightAnswer`), and is the
 * last detail of a failure or cancellation.
 */
export interface LightRecord {
  readonly stepId: string;
  readonly seed: number;
  readonly durationMs: number;
  /** Left out where it is large. */
  readonly input?: unknown;
}

export interface LightAnswer {
  readonly light: LightRecord;
  readonly output?: unknown;
}

/** Summary of the timer by which a light step waits for its next attempt; views leave it out. */
export const retryTimer = 'evertrain.retry';
