import { crowd } from '../fixtures/durability/contracts.js';
import type { DurableProject } from './durable-project.js';
import { seeded } from './random.js';

export interface CrowdOptions {
  /** Names its items at the receiver of effects. */
  readonly under: string;
  /** More than 2,000, which are cut into chunks of `inChunk`. */
  readonly items: number;
  readonly inChunk: number;
  /** How often the worker dies. */
  readonly kills: number;
  readonly poisoned: readonly number[];
  readonly seed: number;
}

export interface CrowdEnd {
  readonly failures: readonly string[];
  readonly workflowId: string;
  readonly events: number;
  /** Items that were at work when a worker died. */
  readonly begunAgain: number;
}

/** Chunks that are open at once, each with two items at work. */
const openChunks = 4;
const atMost = 8;

/**
 * A fan-out of thousands whose worker dies at moments when each item at work has begun and not had its effect: two items of
 * each chunk are held, so that all that is open comes to stand there. Then every effect is to be seen exactly once.
 */
export async function crowdUnderFire(fixture: DurableProject, options: CrowdOptions): Promise<CrowdEnd> {
  const { effects, evertrain } = fixture;
  const { under, items, inChunk, poisoned, seed } = options;
  const rounds = roundsOf(options);
  for (const key of rounds.flat()) effects.hold(key);
  let worker = await fixture.worker();
  const input = { effects: effects.url, under, items, atMost, poisoned: [...poisoned] };
  const run = await evertrain.start(crowd, input, { provenance: false, seed });
  for (const held of rounds) {
    await Promise.all(held.map((key) => effects.began(key)));
    await worker.kill();
    for (const key of held) effects.release(key);
    worker = await fixture.worker();
  }
  const result = await run.result();
  const view = await run.view();
  await worker.stop();
  const again = new Set(rounds.flat());
  const failed = poisoned.map((item) => ({ item, code: 'USER_DATA_MALFORMED' }));
  const wanted = { outcome: 'completed', output: { ended: items, misplaced: 0, failed } };
  const fanOut = { id: 'member', items, ended: items, failed: poisoned.length, runs: [] };
  const [{ startedAt: _, ...seen } = { startedAt: 0 }] = view.fanOuts;
  const failures = [
    ...differs('the result', result, wanted),
    ...differs('the view', seen, fanOut),
    ...differs('child runs', view.children.length, Math.ceil(items / inChunk)),
  ];
  for (let n = 0; n < items; n++) {
    const key = `${under}/${n}`;
    failures.push(...differs(`effects of ${key}`, effects.count(key), poisoned.includes(n) ? 0 : 1));
    failures.push(...differs(`beginnings of ${key}`, effects.begun(key), again.has(key) ? 2 : 1));
  }
  return { failures, workflowId: run.workflowId, events: view.events, begunAgain: again.size };
}

/** For each kill the items that are held: two neighbours in each of the chunks that are open then. */
function roundsOf({ under, inChunk, kills, poisoned, seed }: CrowdOptions): string[][] {
  const random = seeded(seed);
  return Array.from({ length: kills }, (_, round) =>
    Array.from({ length: openChunks }, (__, n) => {
      const from = (round * openChunks + n) * inChunk;
      let at: number;
      do at = from + Math.floor(random() * (inChunk - 1));
      while (poisoned.includes(at) || poisoned.includes(at + 1));
      return [`${under}/${at}`, `${under}/${at + 1}`];
    }).flat(),
  );
}

function differs(what: string, seen: unknown, wanted: unknown): string[] {
  const [a, b] = [JSON.stringify(seen), JSON.stringify(wanted)];
  return a === b ? [] : [`${what}: ${a}, not ${b}`];
}
