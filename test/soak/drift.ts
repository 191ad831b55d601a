import { type DriftSizes, driftAlarms } from '../support/drift-alarms.js';
import { writeReport } from './report.js';

/** What a check may raise: the bound that `alpha` of the rules promises. */
const mostAlarms = 0.02;

const rowCounts = [
  [200, 200],
  [1_000, 1_000],
  [10_000, 200],
  [10_000, 10_000],
] as const;

/** Checks for drift where there is none, see test/support/drift-alarms.ts: one of each size for each seed. */
export async function soakDrift(seed: number, rounds: number): Promise<boolean> {
  const startedAt = new Date();
  const seeds = Array.from({ length: rounds }, (_, i) => seed + i);
  const counts: [string, number | string][] = [];
  const failures: string[] = [];
  for (const [referenceRows, rows] of rowCounts) {
    for (const features of [1, 20]) {
      const sizes: DriftSizes = { referenceRows, rows, features };
      const { alarms, byIndexAlone, byTestsAlone, below5Percent } = await driftAlarms(seeds, sizes);
      const name = `${rows} rows against ${referenceRows}, ${features === 1 ? 'a feature' : `${features} features`}`;
      counts.push([name, `${alarms.length} false alarms`]);
      counts.push(['by PSI > 0.2 alone · by corrected p-values alone', `${byIndexAlone} · ${byTestsAlone}`]);
      counts.push(['p-values below 0.05', `${(100 * below5Percent).toFixed(1)} %`]);
      process.stdout.write(`${name}: ${alarms.length} of ${rounds}\n`);
      if (alarms.length > mostAlarms * rounds) failures.push(`${name}: ${alarms.join('; ')}`);
    }
  }
  writeReport({
    file: `drift-seed-${seed}`,
    title: `Soak of drift checks without drift, seeds ${seed} to ${seed + rounds - 1}`,
    options: `--scenario drift --seed ${seed} --rounds ${rounds}`,
    startedAt,
    text: `For each seed and size a reference, a window and the reference's predictions are drawn from one population, and checked by \`model.check-drift\` with its default rules. Features are of twenty kinds, from smooth and skewed to tied, constant, often missing, infinite, of few words and of many rare ones. Held is that at most 2 % of the ${rounds} checks of each size say that anything has drifted. Beside it: how many would, had the index or the tests decided alone, and how many of the single tests have a p-value below 0.05 (5 % at most; ties make fewer).`,
    counts: [['checks of each size', rounds], ...counts],
    failures,
  });
  for (const failure of failures) process.stdout.write(`FAILED: ${failure}\n`);
  return failures.length === 0;
}
