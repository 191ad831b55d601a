import type { LiveMetric, RolloutGuards } from './rollout-guards.js';

/** What one look at a rollout needs to know. */
export interface WatchRequest {
  readonly model: string;
  readonly revision: number;
  /** Versions. */
  readonly champion: string;
  readonly challenger: string;
  readonly guards: RolloutGuards;
  /** The stage is held until then: milliseconds since 1970. */
  readonly until: number;
  readonly minRequests: number;
  readonly lookEveryMs: number;
  /** With the share that the challenger has now. */
  readonly bandit?: {
    readonly metric: LiveMetric;
    readonly floor: number;
    readonly confidence: number;
    readonly percent: number;
  };
}

export interface WatchAnswer {
  /** Its time is over · a guard spoke, or the labels are for the champion · they are for the challenger · another share. */
  readonly ended: 'held' | 'aborted' | 'won' | 'shifted';
  readonly reason?: string;
  /** The new share. */
  readonly percent?: number;
  /** Small numbers for people to read. */
  readonly facts: Readonly<Record<string, unknown>>;
}
