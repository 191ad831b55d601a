import type { ConditionData } from '../../workflows/sdk/sensors/condition.js';

/** What one look at a condition saw; `said` tells people why it does not hold yet. */
export type Seen = { readonly met: true; readonly facts: unknown } | { readonly met: false; readonly said: string };

/** Looks whether a condition holds. What waiting cannot mend is thrown with a final code, any other fault with SYSTEM_…. */
export type Look<C> = (condition: C, signal: AbortSignal) => Promise<Seen>;

export type Looks = {
  readonly [Kind in Exclude<ConditionData['kind'], 'time'>]: Look<Extract<ConditionData, { readonly kind: Kind }>>;
};
