import { type ChaosRound, chaosRound, type Fault, faults, undisturbed } from '../support/chaos.js';
import { many } from '../fixtures/durability/contracts.js';
import { durableProject } from '../support/durable-project.js';
import { writeReport } from './report.js';

const faultsPerRound = 4;
const plainCalls = 5_000;

/** What test/durability/chaos.test.ts does in one round, in many, each on an engine of its own. */
export async function soakFaults(seed: number, rounds: number): Promise<boolean> {
  const startedAt = new Date();
  const done: ChaosRound[] = [];
  const calls = await promiseAll();
  for (let n = 0; n < rounds; n++) {
    const round = await oneRound(seed, n);
    done.push(round);
    const failed = round.failures.map((failure) => `\n  FAILED: ${failure}`).join('');
    process.stdout.write(`round ${n}: ${round.faults.join(', ')}; ${round.repeated} begun again${failed}\n`);
    const count = (fault: Fault) => done.flatMap((one) => one.faults).filter((one) => one === fault).length;
    const sum = (of: (one: ChaosRound) => number) => done.reduce((total, one) => total + of(one), 0);
    writeReport({
      file: `seed-${seed}`,
      title: `Soak, seed ${seed}`,
      options: `--seed ${seed} --rounds ${rounds}`,
      startedAt,
      text: 'A round: every shape of a pipeline and a Python training at once on an engine of their own, with faults at random moments. Held are: results, effects at their receiver, no step begun more often than it had attempts, the trained bytes, at most one epoch repeated by an attempt, histories that replay.',
      counts: [
        [`Promise.all over ${plainCalls} step calls`, calls ?? 'completed'],
        ['rounds', `${done.length} of ${rounds}`],
        ['runs', sum((one) => one.runs)],
        ...faults.map((fault) => [fault, count(fault)] as const),
        ['steps and epochs begun again', sum((one) => one.repeated)],
      ],
      failures: done.flatMap((one, of) => one.failures.map((failure) => `round ${of}: ${failure}`)),
    });
  }
  return calls === undefined && done.every(({ failures }) => failures.length === 0);
}

/** What is wrong with a `Promise.all` over thousands of plain step calls, if anything. */
async function promiseAll(): Promise<string | undefined> {
  const fixture = await durableProject();
  try {
    const worker = await fixture.worker();
    const result = await fixture.evertrain.execute(many, { count: plainCalls }, { provenance: false });
    await worker.stop();
    const sum = plainCalls * (plainCalls - 1);
    return result.outcome === 'completed' && result.output === sum ? undefined : JSON.stringify(result);
  } catch (error) {
    return String(error);
  } finally {
    await fixture.close();
  }
}

/** A round's faults depend on the seed and its number only, so it can be done again. */
async function oneRound(seed: number, n: number): Promise<ChaosRound> {
  const fixture = await durableProject();
  try {
    const model = await undisturbed(fixture);
    const options = { under: `round-${n}`, faults: faultsPerRound, model, seed: seed * 100_003 + n };
    return await chaosRound(fixture, options);
  } catch (error) {
    return { faults: [], runs: 0, repeated: 0, failures: [`the round broke: ${String(error)}`] };
  } finally {
    await fixture.close();
  }
}
