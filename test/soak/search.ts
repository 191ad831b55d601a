import { durableProject } from '../support/durable-project.js';
import { type StudyRound, studyRound } from '../support/study-round.js';
import { writeReport } from './report.js';
import { soakSearchRegret } from './search-regret.js';

const trials = 60;
const workerKills = 10;
const engineKills = 2;

/** How well Optuna's sampler searches with trials at work at once; then rounds of kills, none with `--rounds 0`. */
export async function soakSearch(seed: number, rounds: number): Promise<boolean> {
  const options = `--scenario search --seed ${seed} --rounds ${rounds}`;
  const [searches, survives] = [await soakSearchRegret(seed, options), await soakSearchKills(seed, rounds, options)];
  return searches && survives;
}

/** What test/durability/search.test.ts does once, in several rounds at full size, each on an engine of its own. */
async function soakSearchKills(seed: number, rounds: number, options: string): Promise<boolean> {
  const startedAt = new Date();
  const done: StudyRound[] = [];
  for (let n = 0; n < rounds; n++) {
    const round = await oneRound(seed * 1_009 + n);
    done.push(round);
    const failed = round.failures.map((failure) => `\n  FAILED: ${failure}`).join('');
    process.stdout.write(`round ${n}: ${round.epochs} epochs, ${round.interrupted} cut off${failed}\n`);
    const sum = (of: (one: StudyRound) => number) => done.reduce((total, one) => total + of(one), 0);
    writeReport({
      file: `search-seed-${seed}`,
      title: `Soak of studies, seed ${seed}`,
      options,
      startedAt,
      text: `A round: a study of ${trials} iterative trainings by ASHA, four at a time, on an engine of its own; ${workerKills} times its worker is killed and ${engineKills} times the engine, at random moments. Held are: no finished epoch is trained again, each trial's curve is byte for byte that of an undisturbed training, each call of a trial is the scheduler's decision over the recorded order of ends, the history replays.`,
      counts: [
        ['rounds', `${done.length} of ${rounds}`],
        ['trials', sum((one) => one.trials)],
        ['promotions', sum((one) => one.promotions)],
        ['epochs', sum((one) => one.epochs)],
        ['epochs cut off in the middle, and begun again', sum((one) => one.interrupted)],
        ['finished epochs that were trained again', sum((one) => one.repeated)],
      ],
      failures: done.flatMap((one, of) => one.failures.map((failure) => `round ${of}: ${failure}`)),
    });
  }
  return done.every(({ failures }) => failures.length === 0);
}

async function oneRound(seed: number): Promise<StudyRound> {
  const fixture = await durableProject();
  try {
    const options = { under: 'study', trials, atMost: 4, scheduler: 'asha', seed } as const;
    return await studyRound(fixture, { ...options, workerKills, engineKills });
  } catch (error) {
    const none = { trials: 0, epochs: 0, repeated: 0, interrupted: 0, promotions: 0, study: {} };
    return { ...none, failures: [`the round broke: ${String(error)}`] };
  } finally {
    await fixture.close();
  }
}
