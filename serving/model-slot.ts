import type { Deployment } from '../workflows/sdk/protocol.js';
import { ModelCounts } from './live-counts.js';
import type { Split } from './split.js';

/** The place of one model on this server, whatever serves there. */
export interface ModelSlot {
  readonly name: string;
  /** The deployment on record, which is the fence; absent until the first one is. */
  recorded?: Deployment;
  /** Takes the new requests. */
  split?: Split;
  counts: ModelCounts;
  /** It served, or may, and its memory was wanted for others: the next request loads it. */
  isUnloaded: boolean;
  /** Why the deployment on record does not serve, and since when by the monotonic clock. */
  problem?: { readonly reason: string; readonly atMs: number };
  /** Shared by the requests that wait until it is loaded again. */
  loading?: Promise<void>;
  /** Deployments of one model take turns; the promise ends with the last of them. */
  turn: Promise<unknown>;
  /** Deployments and loads under way or waiting for their turn. */
  pending: number;
  /** Bytes that are being loaded. */
  loadingBytes: number;
  /** Requests that it is being asked now. */
  asking: number;
  /** By the monotonic clock. */
  askedAtMs: number;
}

export function emptySlot(name: string): ModelSlot {
  return {
    ...{ name, counts: new ModelCounts(), isUnloaded: false, turn: Promise.resolve() },
    ...{ pending: 0, loadingBytes: 0, asking: 0, askedAtMs: 0 },
  };
}

type SlotState = 'loading' | 'ready' | 'failed' | 'unloaded';

export function stateOf({ split, problem, pending, isUnloaded }: ModelSlot): SlotState {
  if (split !== undefined) return 'ready';
  if (pending > 0) return 'loading';
  if (problem !== undefined) return 'failed';
  return isUnloaded ? 'unloaded' : 'loading';
}
