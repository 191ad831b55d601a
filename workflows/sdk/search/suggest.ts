/** What the run and the warm Optuna process say to each other; the answers that the history recorded are the truth. */

import type { Params, Space } from './space.js';
import type { Objective } from './study-record.js';

/** As written in a pipeline: data. Names and meanings are Optuna's. */
export type OptunaSampler =
  | {
      readonly kind: 'tpe';
      readonly multivariate?: boolean;
      readonly startup?: number;
      readonly constantLiar?: boolean;
    }
  | { readonly kind: 'cma-es' }
  | { readonly kind: 'gp' }
  | { readonly kind: 'nsga2'; readonly population?: number };

/** What a sampler has to know of a study, in the order in which it happened. */
export type SamplerEvent =
  /** It suggested these parameters, of the space's variable ones that exist in this trial. */
  | { readonly event: 'asked'; readonly trial: number; readonly params: Params }
  /** A person's guess takes the next trial (Optuna's `enqueue_trial`, then `ask`). */
  | { readonly event: 'given'; readonly trial: number; readonly params: Params }
  /** A finished trial that the sampler did not ask for: of an earlier study, or a known trial at a later rung. */
  | ({ readonly event: 'added'; readonly params: Params } & Told)
  | ({ readonly event: 'told'; readonly trial: number } & Told);

type Told =
  | { readonly state: 'complete'; readonly values: readonly number[] }
  /** It has this value at this budget and may go on. */
  | { readonly state: 'pruned'; readonly budget: number; readonly value: number }
  | { readonly state: 'failed' };

export interface SuggestRequest {
  /** Names the execution of the study; see `SuggestAnswer`. */
  readonly study: string;
  readonly sampler: OptunaSampler;
  readonly objectives: readonly Objective[];
  /** Without constants. */
  readonly space: Space;
  readonly seed: number;
  /** How many events come before these. */
  readonly since: number;
  readonly events: readonly SamplerEvent[];
  /** Numbers of the trials to suggest parameters for, in order. */
  readonly trials: readonly number[];
}

export type SuggestAnswer =
  | { readonly suggestions: readonly Params[] }
  /** The process knows fewer events than `since`, or none: ask again with all. */
  | { readonly isCold: true };
