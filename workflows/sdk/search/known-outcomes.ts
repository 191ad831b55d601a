import { awaitable } from '../awaitable.js';
import { jsonDigest } from '../digest.js';
import type { Params } from './space.js';
import type { CallResult } from './study-plan.js';
import type { Outcome } from './trial-call.js';

interface Known {
  readonly trial: number;
  readonly values: Promise<readonly number[] | undefined>;
}

/**
 * What calls of trials came to, or will, by parameters and budget: the same ones have the same result. Outputs are not
 * kept: a repeated result is never better than the first.
 */
export class KnownOutcomes {
  private readonly known = new Map<string, Known>();

  add(trial: number, params: Params, budget: number | undefined, outcome: Promise<Outcome>): void {
    const values = awaitable(outcome.then((one) => (one.state === 'done' ? one.values : undefined)));
    this.known.set(keyOf(params, budget), { trial, values });
  }

  /** A call of an earlier run. */
  restore({ trial, params, budget, state, values, sameAs }: CallResult): void {
    if (values === undefined || state === 'stopped' || sameAs !== undefined) return;
    this.known.set(keyOf(params, budget), { trial, values: Promise.resolve(values) });
  }

  /** Of another trial; its values are undefined where it failed or was stopped. */
  find(trial: number, params: Params, budget: number | undefined): Known | undefined {
    const found = this.known.get(keyOf(params, budget));
    return found?.trial === trial ? undefined : found;
  }
}

function keyOf(params: Params, budget: number | undefined): string {
  return jsonDigest([params, budget ?? null]);
}
