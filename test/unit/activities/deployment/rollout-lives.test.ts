import { describe, expect, it } from 'vitest';
import { falseAborts } from '../../../../activities/deployment/rollout-guards.js';
import { guilty, innocent, liveRollout } from '../../../support/live-rollout.js';

/** What `npm run soak -- --scenario rollout` does over 400 seeds each. */
const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed);
const entries = <Rollouts extends object>(rollouts: Rollouts) =>
  Object.entries(rollouts) as [string, Rollouts[keyof Rollouts]][];

describe('a rollout that is looked at after every 20 of 20,000 requests', () => {
  it('is hardly ever taken back where both versions are equal, exactly at the limit of every guard', () => {
    const rollout = innocent['equal, at the limit of every guard'];
    const aborted = seeds(60).filter((seed) => liveRollout(rollout, seed) !== undefined);
    expect(aborted.length / 60).toBeLessThanOrEqual(falseAborts);
  });

  it('is hardly ever taken back where the challenger is as good as it must be', () => {
    const outcomes = entries(innocent).flatMap(([, rollout]) => seeds(8).map((seed) => liveRollout(rollout, seed)));
    expect(outcomes.filter((aborted) => aborted !== undefined).length / outcomes.length).toBeLessThanOrEqual(
      falseAborts,
    );
  });

  it.each(entries(guilty))('is taken back in time where it should be: %s', (_, { by, within, ...rollout }) => {
    for (const seed of seeds(25)) {
      const aborted = liveRollout(rollout, seed);
      expect(aborted?.served).toBeLessThanOrEqual(within);
      expect(aborted?.facts[by]?.evidence).toBe(1);
    }
  });
});
