import type { KnownBatch } from './batch.js';

/** Every batch is in one place: waiting, in training, used by a version, quarantined, or rejected. */
export interface DataState {
  readonly waiting: readonly WaitingBatch[];
  /** Their size as JSON. */
  readonly waitingBytes: number;
  /** The batches that the open training was started for; they wait again when it fails. */
  readonly inTraining: readonly KnownBatch[];
  /** The newest used batches, oldest first; older ones lie in the model's archive. */
  readonly used: readonly KnownBatch[];
  /** The newest, at most 100 and 30 KB; what is pushed out is rejected. */
  readonly quarantined: readonly QuarantinedBatch[];
  /** The newest rejected ones, at most 20, and why. */
  readonly rejected: readonly { readonly id: string; readonly reason: string; readonly at: number }[];
  readonly counts: {
    readonly received: number;
    readonly duplicates: number;
    readonly used: number;
    readonly rejected: number;
    readonly rows: number;
  };
  /** Digests of the newest 10,000 ids, one after the other, by which a batch that comes again is known. */
  readonly seen: string;
  /** How many trainings data has started, and how often new batches were checked. */
  readonly trainings: number;
  readonly checks: number;
  /** What failed is tried again by the policy's `retry`; then with the next batch, or after `orAfter`. */
  readonly failed?: {
    readonly at: number;
    readonly times: number;
    readonly received: number;
    /** It was a check that failed, not a training. */
    readonly isCheck?: true;
  };
  /** A person wants a training, whatever the policy says. */
  readonly asked?: true;
  /** Batches are refused because too many wait; until half of what may wait is gone and one more arrives. */
  readonly refusing?: {
    readonly since: number;
    readonly batches: number;
    /** The first of them. */
    readonly id: string;
    /** People know. */
    readonly told?: true;
  };
}

/** What a model knows of a batch that waits. */
export interface WaitingBatch extends KnownBatch {
  /** The quality gate let it through, or a person did. */
  readonly checked?: true;
}

/** A batch that the quality gate holds back, until a person releases or drops it. */
export interface QuarantinedBatch {
  readonly batch: KnownBatch;
  readonly problems: readonly string[];
  /** Epoch milliseconds. */
  readonly at: number;
}
