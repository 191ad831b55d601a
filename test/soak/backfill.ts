import { backfillRound } from '../support/backfill-round.js';
import { durableProject } from '../support/durable-project.js';
import { writeReport } from './report.js';

const full = { days: 365, atMost: 4, kills: 5 };

/** What test/durability/backfill.test.ts does with 24 days, with a year. */
export async function soakBackfill(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const fixture = await durableProject();
  try {
    const { summary, repeated, failures } = await backfillRound(fixture, { ...full, under: 'soak', seed });
    const isWhole = summary?.completed === full.days;
    writeReport({
      file: `backfill-seed-${seed}`,
      title: `Soak of a backfill, seed ${seed}`,
      options: `--scenario backfill --seed ${seed}`,
      startedAt,
      text: `A daily schedule is made up for over ${full.days} days of 2024, ${full.atMost} at once. ${full.kills} times the worker, the engine, or both are killed, at moments of chance, and started again. Held are: one run for each day, its effect at the receiver, no effect of a day that is not meant, and a summary that counts each day once.`,
      counts: [
        ['days', full.days],
        ['kills', full.kills],
        ['days completed', summary?.completed ?? 0],
        ['days skipped or failed', (summary?.skipped ?? 0) + (summary?.failed ?? 0)],
        ['effects repeated by steps that a kill interrupted', repeated],
      ],
      failures: isWhole ? failures : [...failures, `the summary is ${JSON.stringify(summary)}`],
    });
    return isWhole && failures.length === 0;
  } finally {
    await fixture.close();
  }
}
