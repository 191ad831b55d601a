import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrived, collect, tour } from '../fixtures/durability/contracts.js';
import { type DurableProject, durableProject } from '../support/durable-project.js';

let fixture: DurableProject;

beforeAll(async () => {
  fixture = await durableProject();
  await fixture.worker({ cachedRuns: 0 });
});
afterAll(() => fixture?.close());

describe('a worker that keeps no run in memory', () => {
  it('replays every task of a run with a signal, a group, a timer, a child, branches and a gate', async () => {
    const { effects, evertrain } = fixture;
    const run = await evertrain.start(tour, { effects: effects.url }, { provenance: false });
    await run.signal(arrived, { rows: 3 });
    const output = { rows: 3, child: 'completed', branches: ['x', 'y'] };
    expect(await run.result()).toEqual({ outcome: 'completed', output });
    const keys = ['in a group', 'in a child', 'x', 'y'];
    expect(keys.map((key) => effects.count(key))).toEqual([1, 1, 1, 1]);
    const { steps } = await run.view();
    expect(steps.map(({ id }) => id)).toEqual(['prepare/effect', 'branches[0]/effect', 'branches[1]/effect']);
  });

  it('replays a fan-out with a failing item', async () => {
    const { effects, evertrain } = fixture;
    const input = { effects: effects.url, keys: ['u-0', 'u-1', 'u-2', 'u-3'] };
    const result = await evertrain.execute(collect, input, { provenance: false });
    expect(result).toMatchObject({ outcome: 'completed', output: [{ status: 'rejected' }, {}, {}, {}] });
    expect([1, 2, 3].map((index) => effects.count(`u-${index}`))).toEqual([1, 1, 1]);
  });
});
