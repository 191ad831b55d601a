import { durableProject } from '../support/durable-project.js';
import { overtaking } from '../support/overtaking.js';
import { writeReport } from './report.js';

const full = { runs: 2, each: 500, urgent: 20 };
/** Steps of low priority that may be served before the last urgent one: what the engine had read ahead. */
const mostAhead = 20;

/** What test/durability/pools.test.ts does with 200 waiting steps, with 1,000. */
export async function soakOvertake(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const keys = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);
  const low = Array.from({ length: full.runs }, (_, run) => keys(`low-${run}`, full.each));
  const high = keys('high', full.urgent);
  const fixture = await durableProject();
  try {
    const worker = await fixture.worker({ queues: { evertrain: {} } });
    const served = await overtaking(fixture, low, high);
    await worker.stop();
    const last = Math.max(...high.map((key) => served.indexOf(key)));
    const ahead = last + 1 - full.urgent;
    const all = [...low.flat(), ...high];
    const failures = [
      ...all.filter((key) => !served.includes(key)).map((key) => `${key} was not served`),
      ...(served.length === all.length ? [] : [`${served.length} calls were served, not ${all.length}`]),
      ...(ahead <= mostAhead ? [] : [`${ahead} steps of low priority were served before the last urgent one`]),
    ];
    writeReport({
      file: `overtake-seed-${seed}`,
      title: `Soak of priorities, seed ${seed}`,
      options: `--scenario overtake --seed ${seed}`,
      startedAt,
      text: `${full.runs} runs of priority 5 have ${full.each} steps each waiting in one queue when a run of priority 1 comes with ${full.urgent}. Then a worker with one slot serves the queue. Held are: each step is served once, and at most ${mostAhead} of low priority before the last urgent one.`,
      counts: [
        ['waiting steps of low priority', low.flat().length],
        ['urgent steps', full.urgent],
        ['of low priority before the first urgent one', Math.min(...high.map((key) => served.indexOf(key)))],
        ['of low priority before the last urgent one', ahead],
      ],
      failures,
    });
    return failures.length === 0;
  } finally {
    await fixture.close();
  }
}
