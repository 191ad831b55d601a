import { type Arrivals, arrivals } from '../support/arrivals.js';
import { durableProject } from '../support/durable-project.js';
import { writeReport } from './report.js';

const full = { sent: 10_000, duplicates: 0.2, spoilt: 8, senders: 8, alone: 0.3, kills: 10 };
/** So low that the model continues as new in the middle of everything, and as the engine has it by default. */
const suggestions = ['300', '4096'];

/** What test/durability/data-arrival.test.ts does with 500 batches, with 10,000. */
export async function soakArrivals(seed: number): Promise<boolean> {
  const startedAt = new Date();
  const done: Arrivals[] = [];
  const failures: string[] = [];
  for (const [n, suggested] of suggestions.entries()) {
    const fixture = await durableProject('durability', [`limit.historyCount.suggestContinueAsNew=${suggested}`]);
    try {
      const one = await arrivals(fixture, { ...full, seed: seed + n });
      done.push(one);
      failures.push(...one.failures.map((failure) => `continuing at ${suggested} events: ${failure}`));
      process.stdout.write(`${JSON.stringify({ ...one, lives: one.lives.length })}\n`);
    } catch (error) {
      failures.push(`continuing at ${suggested} events, it broke: ${String(error)}`);
    } finally {
      await fixture.close();
    }
    const of = (count: (one: Arrivals) => number) => done.map(count).join(' · ');
    const largest = (value: (life: Arrivals['lives'][number]) => number) =>
      of(({ lives }) => Math.max(...lives.map(value)));
    writeReport({
      file: `arrivals-seed-${seed}`,
      title: `Soak of arriving data, seed ${seed}`,
      options: `--scenario arrivals --seed ${seed}`,
      startedAt,
      text: `Twice, continuing as new at ${suggestions.join(' and at ')} events: ${full.sent} batches of data, three in ten each in a signal of its own and the others as the client gathers them, of them 20 % duplicates, ${full.spoilt} whose training its gate rejects and ${full.spoilt} that are no batch, in random order from ${full.senders} senders, the worker killed ${full.kills} times. Held are: each batch in the window of exactly one training, as the trainings tell it; what the model counts; effects at their receiver, no step begun more often than it had attempts; each execution below 10,240 events and 10 MiB, with a record, and replayable; the state that is handed over below 256 KiB, and complete.`,
      counts: [
        ['batches', of((one) => one.batches)],
        ['used by a version', of((one) => one.used)],
        ['rejected', of((one) => one.rejected)],
        ['trainings', of((one) => one.trainings)],
        ['steps begun again', of((one) => one.repeated)],
        ['executions of the model', of((one) => one.lives.length)],
        ['events of the longest', largest((life) => life.events)],
        ['bytes of the largest history', largest((life) => life.historyBytes)],
        ['bytes of the largest state', largest((life) => life.stateBytes)],
      ],
      failures,
    });
  }
  return failures.length === 0;
}
