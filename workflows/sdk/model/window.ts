import type { Artifact } from '../artifact.js';
import { EvertrainError, show } from '../errors.js';
import type { KnownBatch } from './batch.js';
import type { DataState } from './data-state.js';
import type { DataPolicy } from './policy.js';

/**
 * Chooses among all batches that were used or are new, oldest first. A pure function of them; a new batch that it leaves
 * out counts as used all the same.
 */
export type WindowFunction = (batches: readonly KnownBatch[]) => readonly KnownBatch[];

/** The version that an incremental training goes on from. */
export interface Champion {
  readonly version: string;
  /** What the pipeline trained (`candidate({ trained })`), else what it serves. */
  readonly model: Artifact;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface Wanted {
  readonly policy: DataPolicy;
  /** How many used batches the champion has seen, where its training was data's and is to be gone on from. */
  readonly through: number | undefined;
}

/** How many of the used batches a training may need, beside those in training; all, where only they can tell. */
export function earlierNeeded({ counts, inTraining }: DataState, { policy, through }: Wanted): number {
  if (through !== undefined) return Math.max(0, counts.used - through);
  if (policy.window === 'new') return 0;
  if (typeof policy.window === 'object' && 'batches' in policy.window) {
    return Math.min(counts.used, Math.max(0, policy.window.batches - inTraining.length));
  }
  return counts.used;
}

/**
 * The batches of a training, oldest first: those in training, and of the used ones what the policy wants. `used` are the
 * newest of them that are known. `leftOut`: how many the policy may want beside, which are known no more.
 */
export function windowOf(
  data: DataState,
  wanted: Wanted,
  { used, choose, now }: { used: readonly KnownBatch[]; choose: WindowFunction | undefined; now: number },
): { readonly window: readonly KnownBatch[]; readonly leftOut: number } {
  const { policy, through } = wanted;
  const needed = earlierNeeded(data, wanted);
  const newest = needed === 0 ? [] : used.slice(-needed);
  const missing = Math.max(0, needed - used.length);
  if (through !== undefined) return { window: [...newest, ...data.inTraining], leftOut: missing };
  if (policy.window === 'custom') {
    return { window: chosen([...newest, ...data.inTraining], choose), leftOut: missing };
  }
  if (typeof policy.window === 'object' && 'lastMs' in policy.window) {
    const since = now - policy.window.lastMs;
    const isRecent = ({ at, receivedAt }: KnownBatch) => (at ?? receivedAt) >= since;
    const reaches = (used[0]?.receivedAt ?? since) < since;
    return { window: [...newest.filter(isRecent), ...data.inTraining], leftOut: reaches ? 0 : missing };
  }
  return { window: [...newest, ...data.inTraining], leftOut: missing };
}

function chosen(batches: readonly KnownBatch[], choose: WindowFunction | undefined): readonly KnownBatch[] {
  const answer: unknown = choose?.(batches);
  const invalid = (what: string, remedy: string) =>
    new EvertrainError('USER_OPTION_INVALID', `data.window ${what}.`, { value: show(answer), remedy });
  if (!Array.isArray(answer)) throw invalid(`answered ${show(answer)}`, 'Answer an array of the batches it is given.');
  const wanted = new Set(answer.map((batch: { id?: unknown } | null) => batch?.id));
  const window = batches.filter(({ id }) => wanted.has(id));
  if (window.length !== wanted.size) throw invalid('answered a batch it was not given', 'Choose among those.');
  if (window.length === 0) throw invalid('chose no batch', 'Choose at least one.');
  return window;
}
