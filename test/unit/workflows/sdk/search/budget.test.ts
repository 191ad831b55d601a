import { describe, expect, it } from 'vitest';
import {
  asha,
  type BudgetOptions,
  fanOut,
  float,
  hyperband,
  now,
  pipeline,
  population,
  search,
  sleep,
  successiveHalving,
} from '../../../../../workflows/sdk/index.js';
import { currentPath } from '../../../../../workflows/sdk/run-scope.js';
import type { SchedulerOptions } from '../../../../../workflows/sdk/search/scheduler.js';
import { BudgetGuard, resolveBudget } from '../../../../../workflows/sdk/search/budget-guard.js';
import { runPlain } from '../../../../support/run-plain.js';

const hour = 3_600_000;
const guardOf = (options: BudgetOptions) => new BudgetGuard(resolveBudget('search "s"', options, 'gpu'), 0);

/** Trials of ten minutes each, one after the other, on the plain calls' clock. */
async function study(budget: BudgetOptions, answers: Record<string, unknown> = {}) {
  const began: number[] = [];
  const run = pipeline('budgeted', {}, async () => {
    const start = now().getTime();
    return search({
      space: { x: float(0, 1) },
      trials: 20,
      maximize: 'x',
      budget,
      trial: async ({ params }) => {
        began.push((now().getTime() - start) / 60_000);
        await sleep('10 minutes');
        return { x: params.x };
      },
    });
  });
  const result = await runPlain(run, undefined, { answers });
  if (result.outcome !== 'completed') throw new Error('rejected');
  return { began, study: result.output };
}

describe('a budget', () => {
  it('of trials ends the study with the best so far', async () => {
    const { began, study: found } = await study({ trials: 3 });
    expect(began).toEqual([0, 10, 20]);
    expect(found).toMatchObject({ state: 'stopped', reason: 'its 3 trials are used' });
    expect(found.best.value).toBe(Math.max(...found.trials.map(({ value }) => value as number)));
  });

  it('of compute lets no call begin that may exceed it', async () => {
    const { began, study: found } = await study({ compute: '45 minutes', reserve: '1 minute' });
    // The first call took ten minutes, so ten are set aside for each further one.
    expect(began).toEqual([0, 10, 20, 30]);
    expect(found.reason).toBe('another call may exceed 0.75 h of compute');
  });

  it('of money counts by the price of the queue', async () => {
    const { began, study: found } = await study({ money: 1, price: { evertrain: 3, gpu: 99 }, reserve: '10 minutes' });
    expect(began).toEqual([0, 10]);
    expect(found.reason).toBe('another call may cost more than 1 in all');
  });

  it('asks a person for more, and goes on or ends as it is told', async () => {
    const answers = { 'search: more budget?': { trials: 3 }, 'search: more budget?#2': {} };
    const more = await study({ trials: 2, onLimit: 'ask' }, answers);
    expect(more.began).toHaveLength(5);
    expect(more.study.reason).toBe('its 5 trials are used, and nobody gave more');
    const none = await study({ trials: 2, onLimit: 'ask', askWithin: '1 day' }, { 'search: more budget?': {} });
    expect(none.began).toHaveLength(2);
    expect(none.study).toMatchObject({ state: 'stopped', reason: 'its 2 trials are used, and nobody gave more' });
  });

  it('of time begins nothing that may last longer', async () => {
    const { began, study: found } = await study({ time: '45 minutes' });
    expect(began).toEqual([0, 10, 20, 30]);
    expect(found.reason).toBe('another call may last longer than its time');
  });

  it('asks under a name of its own for each study', async () => {
    const run = pipeline('budgeted', {}, () =>
      fanOut(
        [1, 2],
        () =>
          search({
            space: { x: float(0, 1) },
            trials: 3,
            maximize: 'x',
            budget: { trials: 1, onLimit: 'ask' },
            trial: async ({ params }) => params,
          }),
        { name: 'folds' },
      ),
    );
    const answers = { 'folds-0-search: more budget?': {}, 'folds-1-search: more budget?': { trials: 2 } };
    const result = await runPlain(run, undefined, { answers });
    expect(result).toMatchObject({ output: [{ state: 'stopped' }, { state: 'completed' }] });
  });
});

describe('its guard', () => {
  it('sets aside for what is open, and gives back what was not used', () => {
    const guard = guardOf({ compute: '1 hour', reserve: '20 minutes' });
    for (let n = 0; n < 3; n++) {
      expect(guard.refusal(true, 0)).toBeUndefined();
      guard.began(true);
    }
    expect(guard.refusal(true, 0)).toContain('may exceed 1 h');
    guard.ended(5 * 60_000);
    expect(guard.refusal(true, 0)).toContain('may exceed');
    guard.ended(5 * 60_000);
    expect(guard.refusal(true, 0)).toBeUndefined();
    expect(guard.spent(hour)).toEqual({ trials: 3, seconds: 3600, computeSeconds: 600 });
  });

  it('of time refuses what would not end before it', () => {
    const guard = guardOf({ time: '1 hour', reserve: '10 minutes' });
    expect(guard.refusal(true, 49 * 60_000)).toBeUndefined();
    expect(guard.refusal(true, 51 * 60_000)).toBe('another call may last longer than its time');
    expect(guard.refusal(true, hour)).toBe('its time is over');
    guard.add({ hours: 1 });
    expect(guard.refusal(true, 51 * 60_000)).toBeUndefined();
    expect(guard.endsAt()).toBe(2 * hour);
  });

  it('of trials counts new ones only', () => {
    const guard = guardOf({ trials: 1 });
    guard.began(true);
    expect(guard.refusal(false, 0)).toBeUndefined();
    expect(guard.refusal(true, 0)).toBe('its 1 trials are used');
  });
});

/** Which calls of trials were made, as `trial@budget`. */
async function scheduled(scheduler: SchedulerOptions, budget: BudgetOptions, answers: Record<string, unknown> = {}) {
  const calls: string[] = [];
  const run = pipeline('scheduled', {}, () =>
    search({
      space: { x: float(0, 1) },
      trials: 20,
      atMost: 2,
      maximize: 'x',
      scheduler,
      budget,
      trial: async ({ params, budget: epochs }) => {
        calls.push(`${/\[(\d+)\]/.exec(currentPath().prefix)?.[1]}@${epochs}`);
        return { x: params.x };
      },
    }),
  );
  const result = await runPlain(run, undefined, { answers });
  if (result.outcome !== 'completed') throw new Error('rejected');
  return { calls, begun: calls.filter((call) => call.endsWith('@1')), study: result.output };
}

describe('a study whose trials are used', () => {
  const schedulers: [string, SchedulerOptions][] = [
    ['ASHA', asha({ max: 9 })],
    ['halving', successiveHalving({ max: 9 })],
    ['Hyperband', hyperband({ max: 9 })],
    ['a population', population({ interval: 1, max: 9, size: 20 })],
  ];

  it.each(schedulers)(
    'by %s begins no other one, and the best of those there are go on to the end',
    async (_, rule) => {
      const { calls, study: found } = await scheduled(rule, { trials: 7 });
      expect(new Set(calls.map((call) => call.split('@')[0])).size).toBe(7);
      expect(found).toMatchObject({ state: 'stopped', reason: 'its 7 trials are used', best: { budget: 9 } });
      expect(found.trials).toHaveLength(7);
    },
  );

  it('asks for more when nobody can go on any more; a rung counts those who went on before', async () => {
    const rule = successiveHalving({ max: 9 });
    const asked = await scheduled(rule, { trials: 3, onLimit: 'ask' }, { 'search: more budget?': { trials: 17 } });
    const whole = await scheduled(rule, { trials: 20 });
    const count = (calls: readonly string[], budget: number) =>
      calls.filter((call) => call.endsWith(`@${budget}`)).length;
    expect(asked.study.state).toBe('completed');
    expect(asked.begun).toHaveLength(20);
    // Six of twenty, as without a break; of those that are asked about later, too.
    expect([count(asked.calls, 3), count(whole.calls, 3)]).toEqual([6, 6]);
    expect(asked.calls.slice(0, 5)).toEqual(['0@1', '1@1', '2@1', asked.calls[3], asked.calls[4]]);
    expect(asked.calls[4]).toMatch(/@9$/);
  });
});
