export interface CachePolicy {
  readonly version?: string;
  readonly maxAgeMs?: number;
}

export type CacheLookup =
  | {
      readonly hit: true;
      readonly stepId: string;
      readonly step: string;
      /** Left out where input and output are too much for one payload. */
      readonly input?: unknown;
      readonly output: unknown;
      readonly key: string;
      readonly source: { readonly workflowId: string; readonly runId: string; readonly stepId: string };
    }
  | {
      readonly hit: false;
      readonly stepId: string;
      readonly key: string;
      /** Another call is making the same result. */
      readonly busy?: CacheClaim;
    };

/** A call that makes what a cache entry is to hold. */
export interface CacheClaim {
  readonly workflowId: string;
  readonly runId: string;
  readonly stepId: string;
  /** Of the claims on this entry, from 1. */
  readonly number: number;
  /** Epoch ms. */
  readonly at: number;
}

/** The call that waits, and for which one. */
export interface CacheWait {
  readonly stepId: string;
  readonly step: string;
  readonly key: string;
  readonly claim: CacheClaim;
}
