import { crowdUnderFire } from '../support/crowd.js';
import { durableProject } from '../support/durable-project.js';
import { seeded } from '../support/random.js';
import { writeReport } from './report.js';

const full = { items: 10_000, inChunk: 200, kills: 10 };
const poison = 20;

/** What test/durability/large-fan-out.test.ts does with 2,001 items, with 10,000. */
export async function soakFanOut(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const random = seeded(seed);
  const poisoned = new Set(Array.from({ length: poison }, () => Math.floor(random() * full.items)));
  const options = { ...full, under: 'soak', seed, poisoned: [...poisoned].sort((a, b) => a - b) };
  const fixture = await durableProject();
  try {
    const { failures, events, begunAgain } = await crowdUnderFire(fixture, options);
    writeReport({
      file: `fan-out-seed-${seed}`,
      title: `Soak of a large fan-out, seed ${seed}`,
      options: `--scenario fan-out --seed ${seed}`,
      startedAt,
      text: `One \`fanOutSettled\` over ${full.items} items, of which ${poisoned.size} fail whenever they are tried. Its worker is killed ${full.kills} times, each time when all items at work (two in each of the four chunks that are open) have begun and not had their effect. Held are: each effect once at its receiver, no item begun again that was not at work at a kill, results in the items' order, the failure of each poisoned item and of no other, the counts of the view.`,
      counts: [
        ['items', full.items],
        ['kills', full.kills],
        ['items begun again', begunAgain],
        ['poisoned items', poisoned.size],
        ['events of the run', events],
      ],
      failures,
    });
    return failures.length === 0;
  } finally {
    await fixture.close();
  }
}
