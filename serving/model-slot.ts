import { EvertrainError } from '../workflows/sdk/errors.js';
import type { Deployment } from '../workflows/sdk/model/deployment.js';
import { ModelCounts } from './live-counts.js';
import type { Split } from './split.js';

/** How long a model that could not be loaded is not tried again. */
const retryMs = 5_000;

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

/** SYSTEM_SERVER_UNREACHABLE, saying why. */
export function notServing({ name, pending, problem }: ModelSlot): EvertrainError {
  const state = pending > 0 ? 'is loading' : `does not serve: ${problem?.reason ?? 'it is not loaded yet'}`;
  return new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `Model ${name} ${state}.`, {
    remedy: 'Ask again in a moment.',
  });
}

/** USER_VERSION_UNKNOWN, or SYSTEM_SERVER_UNREACHABLE for a challenger that could not be loaded. */
export function refuseUnknown({ name, recorded, split }: ModelSlot, version: string): void {
  const { version: champion, challenger } = split?.deployment ?? recorded ?? {};
  if (champion === undefined || version === champion) return;
  if (version !== challenger?.version) {
    const served = challenger === undefined ? `version ${champion}` : `versions ${champion} and ${challenger.version}`;
    throw new EvertrainError('USER_VERSION_UNKNOWN', `Model ${name} serves ${served}, not ${version}.`, {
      value: version,
    });
  }
  if (split?.problem !== undefined) {
    throw new EvertrainError('SYSTEM_SERVER_UNREACHABLE', `Version ${version} does not serve: ${split.problem}.`, {
      value: version,
    });
  }
}

/** A request may load it: it is not in memory, and did not just fail to come there. */
export function mayLoad({ recorded, isUnloaded, problem }: ModelSlot): boolean {
  if (recorded === undefined || !isUnloaded) return false;
  return problem === undefined || performance.now() - problem.atMs > retryMs;
}
