import type { StepHeader } from './step-header.js';

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

/** A call that goes with others in one local activity (`builtIn.lightSteps`). */
export interface LightCall {
  readonly name: string;
  /** The step's id, with its description where it has one. */
  readonly summary: string;
  /** One or none. */
  readonly args: readonly unknown[];
  readonly header: StepHeader & { readonly light: NonNullable<StepHeader['light']> };
  readonly timeoutMs: number;
}

/** How one of them ended. */
export type LightEnd = LightAnswer & {
  readonly name: string;
  /** Where it is not the step's id. */
  readonly summary?: string;
  /** By the worker's clock. */
  readonly endedAt: number;
  /** Present where there is no output. */
  readonly failed?: LightFailure;
};

/** Either a failure that no attempt may follow, or one that another attempt may mend. */
export type LightFailure =
  | {
      readonly isFinal: true;
      readonly type: string;
      readonly message: string;
      readonly details: readonly unknown[];
      readonly cause?: { readonly message: string; readonly stack?: string };
    }
  | { readonly isFinal: false; readonly isLate: boolean };

export interface LightEnds {
  /** By the place of the call. `alone`: its answer is too large to go with others, and waits for an attempt alone. */
  readonly ends: readonly (LightEnd | 'alone' | 'not-begun')[];
  readonly durationMs: number;
}

/** Summary of the timer by which a light step waits for its next attempt; views leave it out. */
export const retryTimer = 'evertrain.retry';
