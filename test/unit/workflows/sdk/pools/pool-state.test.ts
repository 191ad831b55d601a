import { describe, expect, it } from 'vitest';
import type { PoolMessage, PoolRules, PoolState } from '../../../../../workflows/sdk/pools/messages.js';
import {
  drop,
  emptyPool,
  grant,
  isContested,
  isEmpty,
  isPoolMessage,
  receive,
  runKey,
  untold,
  waitingLine,
} from '../../../../../workflows/sdk/pools/pool-state.js';
import type { Priority } from '../../../../../workflows/sdk/priority.js';
import { seeded } from '../../../../support/random.js';

type Limits = Omit<PoolRules, 'checkEveryMs'>;

function message(run: string, limits: Limits, says: Partial<Pick<PoolMessage, 'asks' | 'ends'>>): PoolMessage {
  const rules = { ...limits, checkEveryMs: 1 };
  return {
    workflowId: run,
    firstRunId: `first-${run}`,
    pipeline: run.split('/')[0] ?? run,
    rules,
    asks: [],
    ends: [],
    ...says,
  };
}

const calls = (...stepIds: string[]) => stepIds.map((stepId) => ({ stepId, priority: 3 as const }));
const urgent = (stepId: string, priority: Priority) => ({ stepId, priority });

/** A pool that is told one thing after the other, and what it grants in turn: `run:step`. */
function play(limits: Limits, state: PoolState = emptyPool()) {
  let now = state;
  const granted: string[] = [];
  const give = () => {
    const { state: next, grants } = untold(grant(now));
    now = next;
    for (const { run, stepIds } of grants) granted.push(...stepIds.map((stepId) => `${run.workflowId}:${stepId}`));
  };
  const told = (run: string, says: Partial<Pick<PoolMessage, 'asks' | 'ends'>>) => {
    now = receive(now, message(run, limits, says));
    give();
  };
  return {
    granted,
    asks: (run: string, ...stepIds: string[]) => told(run, { asks: calls(...stepIds) }),
    asksAt: (run: string, stepId: string, priority: Priority) => told(run, { asks: [urgent(stepId, priority)] }),
    ends: (run: string, ...stepIds: string[]) => told(run, { ends: stepIds }),
    dies(run: string) {
      now = drop(now, runKey({ workflowId: run, firstRunId: `first-${run}` }));
      give();
    },
    get state() {
      return now;
    },
    held: () => Object.values(now.runs).reduce((sum, { holds }) => sum + holds.length, 0),
  };
}

/** Ends what was granted, one by one, until nothing waits; answers the order. */
function drain(pool: ReturnType<typeof play>): string[] {
  for (let n = 0; n < pool.granted.length; n++) {
    const [run = '', stepId = ''] = (pool.granted[n] ?? '').split(':');
    pool.ends(run, stepId);
  }
  return pool.granted;
}

describe('a pool', () => {
  it('gives as many places as its limit, and the next when one is given back', () => {
    const pool = play({ limit: 2 });
    pool.asks('a/1', 'x', 'y', 'z');
    expect(pool.granted).toEqual(['a/1:x', 'a/1:y']);
    pool.ends('a/1', 'x');
    expect(pool.granted).toEqual(['a/1:x', 'a/1:y', 'a/1:z']);
    pool.ends('a/1', 'y', 'z');
    expect(isEmpty(pool.state)).toBe(true);
  });

  it('serves pipelines in turn, whoever came first and with however many calls', () => {
    const pool = play({ limit: 1 });
    pool.asks('a/1', '1', '2', '3', '4');
    pool.asks('a/2', '5');
    pool.asks('b/1', '1', '2');
    pool.asks('c/1', '1');
    expect(drain(pool)).toEqual(['a/1:1', 'b/1:1', 'c/1:1', 'a/1:2', 'b/1:2', 'a/1:3', 'a/1:4', 'a/2:5']);
  });

  it('serves the highest priority of a pipeline first, then who came first', () => {
    const pool = play({ limit: 1 });
    pool.asks('a/1', 'first');
    pool.asksAt('a/1', 'low', 5);
    pool.asksAt('a/2', 'middle', 3);
    pool.asksAt('a/3', 'high', 1);
    pool.asksAt('a/4', 'high too', 1);
    expect(drain(pool)).toEqual(['a/1:first', 'a/3:high', 'a/4:high too', 'a/2:middle', 'a/1:low']);
  });

  it('keeps the limits of a pipeline and of a run', () => {
    const pool = play({ limit: 4, perPipeline: 3, perRun: 2 });
    pool.asks('a/1', '1', '2', '3');
    pool.asks('a/2', '4', '5');
    expect(pool.granted).toEqual(['a/1:1', 'a/1:2', 'a/2:4']);
    pool.asks('b/1', '1', '2');
    expect(pool.granted.at(-1)).toBe('b/1:1');
    expect(pool.held()).toBe(4);
    pool.ends('a/1', '1');
    expect(pool.granted.at(-1)).toBe('a/1:3');
  });

  it('takes each message twice without harm', () => {
    const pool = play({ limit: 1 });
    for (let n = 0; n < 2; n++) pool.asks('a/1', 'x', 'y');
    expect(pool.state.runs[runKey(message('a/1', { limit: 1 }, {}))]?.waits).toHaveLength(1);
    for (let n = 0; n < 2; n++) pool.ends('a/1', 'x');
    for (let n = 0; n < 2; n++) pool.ends('a/1', 'y');
    expect(isEmpty(pool.state)).toBe(true);
    pool.ends('nobody/1', 'z');
    expect(isEmpty(pool.state)).toBe(true);
  });

  it('tells a run again that asks for what it holds, and gives it no second place', () => {
    const pool = play({ limit: 2 });
    pool.asks('a/1', 'x');
    pool.asks('a/1', 'x');
    expect(pool.granted).toEqual(['a/1:x', 'a/1:x']);
    expect(pool.held()).toBe(1);
  });

  it('forgets a call that needs no place any more while it waits', () => {
    const pool = play({ limit: 1 });
    pool.asks('a/1', 'x');
    pool.asks('b/1', 'y');
    pool.ends('b/1', 'y');
    pool.ends('a/1', 'x');
    expect(pool.granted).toEqual(['a/1:x']);
  });

  it('gives the places of a run that is over to others, and forgets what it waited for', () => {
    const pool = play({ limit: 2 });
    pool.asks('a/1', 'x', 'y', 'z');
    pool.asks('b/1', 'u');
    expect(isContested(pool.state)).toBe(true);
    pool.dies('a/1');
    expect(pool.granted).toEqual(['a/1:x', 'a/1:y', 'b/1:u']);
    expect([pool.held(), isContested(pool.state)]).toEqual([1, false]);
  });

  it('is not contested while nobody waits', () => {
    const pool = play({ limit: 2 });
    expect(isContested(pool.state)).toBe(false);
    pool.asks('a/1', 'x');
    expect(isContested(pool.state)).toBe(false);
  });

  it('goes by the newest limit: a lower one takes nothing back', () => {
    const pool = play({ limit: 3 });
    pool.asks('a/1', '1', '2', '3', '4');
    const lower = play({ limit: 1 }, pool.state);
    lower.asks('a/2', '5');
    expect(lower.held()).toBe(3);
    lower.ends('a/1', '1', '2');
    expect([lower.granted, lower.held()]).toEqual([[], 1]);
    lower.ends('a/1', '3');
    expect(lower.granted).toEqual(['a/1:4']);
  });

  it('goes on from its state as JSON as it would have gone on', () => {
    const ask = (pool: ReturnType<typeof play>) => {
      pool.asks('a/1', '1', '2', '3');
      pool.asks('b/1', '1', '2');
    };
    const whole = play({ limit: 1 });
    ask(whole);
    const before = play({ limit: 1 });
    ask(before);
    const after = play({ limit: 1 }, JSON.parse(JSON.stringify(before.state)) as PoolState);
    for (const { granted, ends } of [whole, after]) {
      ends('a/1', '1');
      for (const one of granted.filter((text) => text !== 'a/1:1')) ends(...(one.split(':') as [string, string]));
    }
    expect(['a/1:1', ...after.granted]).toEqual(whole.granted);
  });

  it('never exceeds its limit, and serves everybody, whatever comes in which order', () => {
    const pool = play({ limit: 3, perRun: 2 });
    const random = seeded(7);
    const asked = Array.from({ length: 300 }, (_, n) => [`p${n % 4}/${n % 9}`, `s${n}`] as const);
    const open = new Set<string>();
    let seen = 0;
    for (const [run, stepId] of asked) {
      pool.asksAt(run, stepId, (1 + Math.floor(5 * random())) as Priority);
      for (; seen < pool.granted.length; seen++) open.add(pool.granted[seen] as string);
      expect(pool.held()).toBeLessThanOrEqual(3);
      const [some] = open;
      if (some === undefined || random() < 0.4) continue;
      open.delete(some);
      pool.ends(...(some.split(':') as [string, string]));
    }
    drain(pool);
    expect(new Set(pool.granted).size).toBe(300);
    expect(isEmpty(pool.state)).toBe(true);
  });

  it.each([1, 2, 3, 4, 5])('tells the order in which it will serve who waits, seed %i', (seed) => {
    const pool = play({ limit: 2 });
    const random = seeded(seed);
    for (let n = 0; n < 60; n++) {
      const run = `p${Math.floor(3 * random())}/${n % 7}`;
      pool.asksAt(run, `s${n}`, (1 + Math.floor(5 * random())) as Priority);
      if (random() < 0.3) pool.ends(...((pool.granted.at(-1) ?? '').split(':') as [string, string]));
    }
    const served = pool.granted.length;
    const line = waitingLine(pool.state).map(({ key, wait }) => `${pool.state.runs[key]?.workflowId}:${wait.stepId}`);
    expect(line.length).toBeGreaterThan(20);
    expect(drain(pool).slice(served)).toEqual(line);
  });

  it.each([
    [null],
    ['x'],
    [{}],
    [{ ...message('a', { limit: 1 }, {}), asks: 'x' }],
    [{ workflowId: 'a' }],
    [{ ...message('a', { limit: 1 }, {}), asks: [null] }],
  ])('takes %j for no message', (given) => {
    expect(isPoolMessage(given)).toBe(false);
  });
});
