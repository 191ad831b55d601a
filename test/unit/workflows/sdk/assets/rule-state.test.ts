import { describe, expect, it } from 'vitest';
import type { News, RuleSettings, RuleState } from '../../../../../workflows/sdk/assets/messages.js';
import {
  begin,
  due,
  emptyRule,
  end,
  receive,
  tidy,
  withSettings,
} from '../../../../../workflows/sdk/assets/rule-state.js';
import { seeded } from '../../../../support/random.js';

const all: RuleSettings = { rule: 'r', pipeline: 'b', on: 'all', assets: ['a', 'c'], atMost: 1 };
const any: RuleSettings = { ...all, on: 'any' };
const cut: RuleSettings = { ...all, isPartitioned: true, atMost: 2 };

let count = 0;
function news(asset: string, of: Partial<News> = {}): News {
  const by = { pipeline: 'p', workflowId: 'w', runId: 'r', stepId: 's' };
  const at = ++count;
  return { id: `${asset}${at}`, asset, partition: '', digest: `${at}`, at, by, isChange: true, ...of };
}

/** A rule that is told one thing after the other, and on which it has started runs: the ids, `-` for an unknown one. */
function play(settings: RuleSettings) {
  let state = emptyRule();
  const started: string[] = [];
  const go = () => {
    for (let next = due(state, settings); next !== undefined; next = due(state, settings)) {
      state = begin(state, settings, next, { workflowId: next.trigger, at: 0 });
      started.push(next.publications.map((one) => one?.id ?? '-').join('+'));
    }
  };
  return {
    started,
    told(...all: News[]) {
      state = receive(state, settings, all);
      go();
    },
    ends() {
      for (const { open } of Object.values(state.lanes)) if (open !== undefined) state = end(state, open.workflowId);
      go();
    },
    get state(): RuleState {
      return state;
    },
  };
}

describe('a rule', () => {
  it('starts when all are new, once while a run is open, with the newest of each', () => {
    const rule = play(all);
    const [a1, a2, a3, c1, c2] = [news('a'), news('a'), news('a'), news('c'), news('c')] as const;
    rule.told(a1, a2);
    expect(rule.started).toEqual([]);
    rule.told(c1);
    rule.told(a3);
    rule.told(c2);
    expect(rule.started).toEqual([`${a2.id}+${c1.id}`]);
    rule.ends();
    expect(rule.started.slice(1)).toEqual([`${a3.id}+${c2.id}`]);
    rule.ends();
    expect(rule.started).toHaveLength(2);
  });

  it('starts on any of them, and knows the others that it was told of', () => {
    const rule = play(any);
    const [a1, c1] = [news('a'), news('c')] as const;
    rule.told(c1);
    rule.ends();
    rule.told(a1);
    expect(rule.started).toEqual([`-+${c1.id}`, `${a1.id}+${c1.id}`]);
  });

  it('takes the same publication twice, its own, and of onlyChanged the same output, for no news', () => {
    const a1 = news('a');
    const rule = play(any);
    rule.told(a1);
    rule.ends();
    rule.told(a1, news('a', { by: { pipeline: 'b', workflowId: 'w', runId: 'r', stepId: 's' } }), news('x'));
    rule.ends();
    expect(rule.started).toHaveLength(1);
    const changes = play({ ...any, onlyChanged: true });
    changes.told(news('a', { isChange: false }));
    expect(changes.started).toEqual([]);
  });

  it('starts a run for each partition, so many at once, first of the one that waits longest', () => {
    const rule = play(cut);
    const both = (partition: string) => [news('a', { partition }), news('c', { partition })] as const;
    const days = ['1', '2', '3', '4'].map(both);
    rule.told(...days.flat(), news('a', { partition: '5' }));
    const idsOf = (day: readonly News[] | undefined) => day?.map(({ id }) => id).join('+');
    expect(rule.started).toEqual(days.slice(0, 2).map(idsOf));
    rule.ends();
    expect(rule.started).toEqual(days.map(idsOf));
  });

  it('starts no second run of a partition while one is open, though another partition may', () => {
    const rule = play(cut);
    const both = (partition: string) => [news('a', { partition }), news('c', { partition })] as const;
    rule.told(...both('1'));
    rule.told(...both('1'));
    expect(rule.started).toHaveLength(1);
    rule.told(...both('2'));
    expect(rule.started).toHaveLength(2);
    rule.ends();
    expect(rule.started).toHaveLength(3);
  });

  it('starts as often as the rule says, in any order of what happens', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = seeded(seed);
      const rule = play(all);
      const fresh = new Set<string>();
      let isOpen = false;
      let expected = 0;
      const maybeStart = () => {
        if (isOpen || fresh.size < 2) return;
        expected++;
        isOpen = true;
        fresh.clear();
      };
      for (let n = 0; n < 40; n++) {
        const draw = random();
        const asset = draw < 0.4 ? 'a' : 'c';
        if (draw >= 0.8) {
          rule.ends();
          isOpen = false;
        } else {
          rule.told(news(asset));
          fresh.add(asset);
        }
        maybeStart();
        expect([seed, n, rule.started.length]).toEqual([seed, n, expected]);
      }
    }
  });

  it('that is declared otherwise keeps what is new of assets that it still reads, unless it is cut anew', () => {
    const { state } = (() => {
      const rule = play(all);
      rule.told(news('a'));
      return rule;
    })();
    const other = { ...all, assets: ['a', 'd'] };
    const kept = receive(withSettings(state, all, other), other, [news('d')]);
    expect(due(kept, other)).toBeDefined();
    expect(due(receive(withSettings(state, all, cut), cut, [news('c')]), cut)).toBeUndefined();
  });

  it('forgets idle partitions at once, and the oldest that wait only where there is no room', () => {
    const rule = play({ ...cut, on: 'any', atMost: 1_000 });
    for (let n = 0; n < 300; n++) rule.told(news('a', { partition: `${n}` }));
    rule.ends();
    expect(Object.keys(tidy(rule.state).state.lanes)).toHaveLength(200);
    const waiting = play(cut);
    const output = 'x'.repeat(3_900);
    for (let n = 0; n < 400; n++) waiting.told(news('a', { partition: `day ${n}`, output }));
    const { state, forgotten } = tidy(waiting.state);
    expect(JSON.stringify(state).length).toBeLessThan(1_300_000);
    expect(forgotten[0]).toBe('day 0');
    expect(forgotten.length + Object.keys(state.lanes).length).toBe(400);
  });
});
